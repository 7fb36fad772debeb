/** Code out of a model's answer. What a model writes is untrusted: it becomes an edit only if it passes here, and the user agrees. */

/** Longest code that is taken, in UTF-16 units. */
const MOST_CHARACTERS = 32_768;
/** Control characters, and those that make text look other than it is (CVE-2021-42574); tabs and line ends are fine. */
// oxlint-disable-next-line no-control-regex -- these are what it is about
const DECEIVING = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Whether code holds characters that a reader does not see, or that change the order in which it is shown. */
export function isDeceiving(code: string): boolean {
  return DECEIVING.test(code);
}

/** A block of code between fences. */
export interface FencedCode {
  code: string;
  /** Whether its closing fence is there. */
  isClosed: boolean;
}

/** The first fenced block of a Markdown text (CommonMark 4.5); undefined where there is none. */
export function fencedCode(text: string): FencedCode | undefined {
  const lines = text.split(/\r\n|\r|\n/);
  const first = lines.findIndex((line) => openedFence(line) !== undefined);
  const fence = openedFence(lines[first] ?? "");
  if (first < 0 || fence === undefined) return undefined;
  const body = lines.slice(first + 1);
  const last = body.findIndex((line) => closesFence(line, fence));
  const code = (last < 0 ? body : body.slice(0, last)).join("\n");
  return { code, isClosed: last >= 0 };
}

/** The fence that a line opens; undefined where it opens none: behind backticks no other backtick may come. */
export function openedFence(line: string): string | undefined {
  return /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line)?.slice(1).find(Boolean);
}

/** Whether a line closes the code behind `fence`. */
export function closesFence(line: string, fence: string): boolean {
  const found = /^ {0,3}(`+|~+)[ \t]*$/.exec(line)?.[1];
  return found !== undefined && found[0] === fence[0] && found.length >= fence.length;
}

/** Why a model's code is of no use. */
export type Unusable = "no code" | "cut off" | "unchanged" | "broken" | "deceiving";

/** The code that can take the place of `original`, or why there is none. @param original "" for new code */
export function usableCode(answer: string, original: string): { code: string } | { problem: Unusable } {
  const found = fencedCode(answer);
  const code = found?.code.replace(/^(?:[ \t]*\n)+|\s+$/g, "") ?? "";
  if (!found || code === "" || code.length > MOST_CHARACTERS) return { problem: "no code" };
  if (!found.isClosed) return { problem: "cut off" };
  if (isDeceiving(code)) return { problem: "deceiving" };
  if (withoutBlanks(code) === withoutBlanks(original)) return { problem: "unchanged" };
  // Brackets that do not close are the surest sign that a small model lost its way.
  if (bracketDepth(code) !== bracketDepth(original)) return { problem: "broken" };
  return { code: original === "" ? code : indentedLike(code, original) };
}

/** How many more brackets open than close. Those in strings count too: they mostly come in pairs as well. */
export function bracketDepth(code: string): number {
  const opening = code.match(/[([{]/g)?.length ?? 0;
  return opening - (code.match(/[)\]}]/g)?.length ?? 0);
}

function withoutBlanks(text: string): string {
  return text.replace(/\s+/g, "");
}

/** `code` moved as a whole to the indentation of `original`. */
function indentedLike(code: string, original: string): string {
  const [from, to] = [commonIndentation(code), commonIndentation(original)];
  return code
    .split("\n")
    .map((line) => (line.trim() === "" ? "" : to + line.slice(from.length)))
    .join("\n");
}

function commonIndentation(text: string): string {
  const indented = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  const blanks = indented.map((line) => line.slice(0, line.length - line.trimStart().length));
  return blanks.reduce((least, each) => (each.length < least.length ? each : least), blanks[0] ?? "");
}
