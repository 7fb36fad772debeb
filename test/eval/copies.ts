/** Whether an answer holds an exact copy of some lines of code. */

/** Two ways to compare. */
export interface Copied {
  /** Every character, up to one indentation that all lines have too much or too little. */
  strictly: boolean;
  /** Line by line, without indentation, runs of white space as one space, empty lines left out. */
  normalised: boolean;
  /** Share of the code's lines, normalised and each counted once, that stand somewhere in the answer. */
  lines: number;
}

/** Looks for `code` anywhere in `answer`: as a whole, and line by line. */
export function copied(answer: string, code: string): Copied {
  const lines = code.replace(/\s+$/, "").split("\n");
  const answered = new Set(normalise(answer.split("\n")));
  const distinct = [...new Set(normalise(lines))];
  return {
    lines: distinct.filter((line) => answered.has(line)).length / Math.max(1, distinct.length),
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
