import type { Place } from "./protocol/turn.ts";

/** A file's lines as one would write them: `src/a.ts:3-9`. */
export function rangeText(place: Place): string {
  return place.path + linesText(place);
}

/** What stands behind the path: `:3-9`. */
export function linesText({ startLine, endLine }: Place): string {
  return startLine === endLine ? `:${startLine}` : `:${startLine}-${endLine}`;
}
