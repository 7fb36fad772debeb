/** Whether an answer holds an exact copy of some lines of code. */

/** Two ways to compare. */
export interface Copied {
  /** Every character, up to one indentation that all lines have too much or too little. */
  strictly: boolean;
  /** Line by line, without indentation, runs of white space as one space, empty lines left out. */
  normalised: boolean;
}

/** Looks for `code` as a whole anywhere in `answer`. */
export function copied(answer: string, code: string): Copied {
  const lines = code.replace(/\s+$/, "").split("\n");
  return {
    strictly: hasLines(answer.split("\n").map(trimEnd), lines.map(trimEnd), dedent),
    normalised: hasLines(normalise(answer.split("\n")), normalise(lines), (part) => part),
  };
}

/** Whether `wanted` stands in `lines`, in one piece, both as `form` puts them. */
function hasLines(
  lines: readonly string[],
  wanted: readonly string[],
  form: (lines: readonly string[]) => readonly string[],
): boolean {
  const goal = form(wanted).join("\n");
  return lines.some((_, i) => form(lines.slice(i, i + wanted.length)).join("\n") === goal);
}

function trimEnd(line: string): string {
  return line.replace(/\s+$/, "");
}

function normalise(lines: readonly string[]): string[] {
  return lines.map((line) => line.trim().replace(/\s+/g, " ")).filter((line) => line !== "");
}

/** Takes off the indentation that all lines share. */
function dedent(lines: readonly string[]): string[] {
  const indents = lines.filter((line) => line !== "").map((line) => line.length - line.trimStart().length);
  const shared = Math.min(...indents);
  return lines.map((line) => line.slice(shared));
}
