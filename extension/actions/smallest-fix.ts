import { bracketDepth, fencedCode, type Unusable, usableCode } from "./fenced-code.ts";

/** Lines that a fix may have where the model does not come back to what was there. */
const MOST_LINES = 12;

/**
 * What takes the place of the lines in error: as few of the model's lines as can, since a small model changes what nobody asked
 * it to. Up to where it comes back to the line behind the error, else the fewest that leave the brackets as they were.
 * @param before the lines that the answer's code was made to begin with
 * @param wrong the lines in error
 * @param after the lines behind them
 */
export function smallestFix(
  answer: string,
  before: readonly string[],
  wrong: readonly string[],
  after: readonly string[],
): { code: string } | { problem: Unusable } {
  const found = fencedCode(answer);
  const lines = found?.code.split("\n").slice(before.length) ?? [];
  const kept = lines.slice(0, endOfFix(lines, wrong, after));
  if (kept.length === 0) return { problem: found && !found.isClosed ? "cut off" : "no code" };
  return usableCode(["~~~", ...kept, "~~~"].join("\n"), wrong.join("\n"));
}

/** How many of the model's lines are the fix; 0 where none are. */
function endOfFix(lines: readonly string[], wrong: readonly string[], after: readonly string[]): number {
  const next = after.find((line) => line.trim() !== "")?.trim();
  const back = lines.findIndex((line, i) => i > 0 && next !== undefined && line.trim() === next);
  const depth = bracketDepth(wrong.join("\n"));
  if (back > 0 && bracketDepth(lines.slice(0, back).join("\n")) === depth) return back;
  const counts = Array.from({ length: Math.min(lines.length, MOST_LINES) }, (_, i) => i + 1);
  return (
    counts.find(
      (count) => lines[count - 1]?.trim() !== "" && bracketDepth(lines.slice(0, count).join("\n")) === depth,
    ) ?? 0
  );
}
