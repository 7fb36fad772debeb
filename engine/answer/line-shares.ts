/** What each line of the memory got of an answer's attention. */
import type { BlockSlots } from "../memory/block-window.ts";
import type { ScoredRange } from "../protocol/requests.ts";

/** Lines that are told of; attention beyond the best of them is spread thin. */
const MOST_LINES = 200;
const [LF, CR] = [10, 13];

/** How a block's tokens are found again: its text's ids, and the bytes that each stands for. */
export interface TokenTexts {
  /** Undefined where the text is not known. */
  idsOf(block: BlockSlots["block"]): Int32Array | undefined;
  bytesOf(id: number): Uint8Array;
}

/** Single lines, best first, scores their shares of what all blocks got. @param shares by slot of the window */
export function lineShares(slots: readonly BlockSlots[], shares: Float64Array, texts: TokenTexts): ScoredRange[] {
  const lines = new Map<string, ScoredRange>();
  let total = 0;
  for (const { block, from, to } of slots) {
    const ids = texts.idsOf(block);
    for (let slot = from; slot < to; slot++) total += shares[slot] ?? 0;
    // Of a text that is cut otherwise now, nobody can say which token was which.
    if (ids?.length !== to - from) continue;
    tokenLines(ids, texts).forEach((offset, i) => {
      const line = Math.min(block.startLine + offset, block.endLine);
      const key = `${block.path}:${line}`;
      const known = lines.get(key) ?? { path: block.path, startLine: line, endLine: line, score: 0 };
      known.score += shares[from + i] ?? 0;
      lines.set(key, known);
    });
  }
  const found = [...lines.values()].filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
  return found.slice(0, MOST_LINES).map((line) => ({ ...line, score: line.score / total }));
}

/** The line that each token begins on, counted from 0 at the first; lines end as `splitLines` ends them. */
function tokenLines(ids: Int32Array, texts: TokenTexts): number[] {
  let line = 0;
  let last = 0;
  return Array.from(ids, (id) => {
    const bytes = texts.bytesOf(id);
    // A CR ends a line unless an LF follows, which may be the next token's.
    if (last === CR && bytes.length > 0 && bytes[0] !== LF) line++;
    const begins = line;
    bytes.forEach((byte, i) => {
      if (i > 0 && bytes[i - 1] === CR && byte !== LF) line++;
      if (byte === LF) line++;
    });
    last = bytes.at(-1) ?? last;
    return begins;
  });
}
