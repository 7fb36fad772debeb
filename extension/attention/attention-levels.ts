/** How strongly an editor's lines are coloured by the attention that an answer paid them. */
import type { LineRange, ScoredRange } from "../../engine/protocol/requests.ts";

/** Shares of the most read line from which on a line has each level, the strongest first. Attention falls off steeply. */
const LEVELS = [0.5, 0.2, 0.05, 0.01] as const;

/** A line with its colour's strength: 0 is the strongest. */
export interface ReadLine extends LineRange {
  level: number;
  /** Of the answer's attention to the memory, 0 to 1. */
  share: number;
}

/** Number of levels. */
export const LEVEL_COUNT: number = LEVELS.length;

/** The lines of `path` that were read; those that got next to nothing are left out. */
export function readLines(lines: readonly ScoredRange[], path: string): ReadLine[] {
  const most = Math.max(0, ...lines.map(({ score }) => score));
  return lines.flatMap(({ score, ...range }) => {
    const level = LEVELS.findIndex((least) => score >= least * most);
    const { startLine, endLine } = range;
    return range.path !== path || level < 0 || score <= 0 ? [] : [{ path, startLine, endLine, level, share: score }];
  });
}

/** "12 %", "3.4 %", "< 0.1 %": for people. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value < 0.1) return "< 0.1 %";
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}
