/**
 * Where each character of a rendered text stands in the Markdown that it was rendered from. Rendering only takes characters away
 * (marks, addresses of links, the indent of a list) or puts in few of its own, so the nearest same character is the right one.
 */

/** How far ahead the same character is looked for, in UTF-16 units: further than any address of a link is long. */
const FURTHEST = 2048;

/** @returns for each UTF-16 unit of `rendered` its offset in `source`; what the renderer put in has that of the character before it. Never falls. */
export function align(source: string, rendered: string): number[] {
  const offsets: number[] = [];
  let at = 0;
  for (const character of rendered.split("")) {
    const next = isSpace(character) ? nextSpace(source, at) : source.indexOf(character, at);
    const found = next >= 0 && next - at <= FURTHEST;
    offsets.push(found ? next : Math.max(0, at - 1));
    if (found) at = next + 1;
  }
  return offsets;
}

function isSpace(character: string): boolean {
  return /\s/.test(character);
}

/** A line's end is shown as a space, so any space may be any other. Spaces that are only the renderer's must not skip words. */
function nextSpace(source: string, from: number): number {
  let at = from;
  while (at < source.length && !isSpace(source.charAt(at)) && !/[\w\p{L}]/u.test(source.charAt(at))) at++;
  return isSpace(source.charAt(at)) ? at : -1;
}
