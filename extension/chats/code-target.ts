import { declarationIn } from "../explain/declarations.ts";

/** Lines of a text, 0-based, inclusive. */
interface Lines {
  first: number;
  last: number;
}

/** The lines that declare what `code` declares first, to its end by indentation; undefined where there is none, or more than one. */
export function codeTarget(text: string, code: string): Lines | undefined {
  const name = firstDeclaration(code);
  if (name === undefined) return undefined;
  const lines = text.split(/\r\n|\r|\n/);
  const places = lines.flatMap((line, index) => (declarationIn(line)?.name === name ? index : []));
  const [first, ...others] = places;
  return first === undefined || others.length > 0 ? undefined : { first, last: endOf(lines, first) };
}

/** The name that the least indented declaration of the code has. */
function firstDeclaration(code: string): string | undefined {
  for (const line of code.split("\n")) {
    const declared = /^\S/.test(line) ? declarationIn(line) : undefined;
    if (declared) return declared.name;
  }
  return undefined;
}

/** The last line that belongs to a declaration: those that are indented further, and what closes it. */
function endOf(lines: readonly string[], first: number): number {
  const depth = indent(lines[first] ?? "");
  let last = first;
  for (let index = first + 1; index < lines.length; index++) {
    const line = lines[index] ?? "";
    if (line.trim() === "") continue;
    const closes = indent(line) === depth && /^[\s)\]}>]*[)\]}>][;,]?|^\s*end\b/.test(line);
    if (indent(line) <= depth && !closes) break;
    last = index;
    if (closes && !/[{([:]\s*$/.test(line)) break;
  }
  return last;
}

function indent(line: string): number {
  return line.length - line.trimStart().length;
}
