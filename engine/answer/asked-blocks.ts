/** The blocks of lines that a question names itself: the definition of what is asked about, its callers, and the like. */
import type { LineRange } from "../protocol/requests.ts";
import { MOST_BLOCKS, takeWithinBudget } from "../retrieval/select-blocks.ts";
import type { PlacedBlock } from "../store/block-reader.ts";

/** Tokens of asked blocks in the window, besides those that are looked up. */
const ASKED_TOKENS = 1_024;
/** As many as pinned ones may be. */
const MOST_ASKED = MOST_BLOCKS / 2;

/**
 * Blocks that overlap the ranges, within the budget: the first block of each range before the second of any, so that a long range
 * does not take the place of the others. Ranges that are not in memory lead to none.
 * @param headerTokens what a block's file header costs, once a file
 * @param room tokens that a window has for all blocks: what is found besides gets half of a small one
 */
export function askedBlocks(
  blocks: readonly PlacedBlock[],
  ranges: readonly LineRange[],
  headerTokens: (path: string) => number,
  room = Infinity,
): PlacedBlock[] {
  const wanted = new Set(ranges.map(({ path }) => path));
  const known = blocks.filter(({ path }) => wanted.has(path));
  const perRange = ranges.map((range) => known.filter((block) => overlaps(block, range)));
  const longest = Math.max(0, ...perRange.map(({ length }) => length));
  const inTurn = Array.from({ length: longest }, (_, i) => perRange.flatMap((found) => found[i] ?? [])).flat();
  const taken = takeWithinBudget(new Set(inTurn), Math.min(ASKED_TOKENS, room / 2), ({ path }) => headerTokens(path));
  return taken.slice(0, MOST_ASKED);
}

function overlaps(block: LineRange, range: LineRange): boolean {
  return block.path === range.path && block.startLine <= range.endLine && block.endLine >= range.startLine;
}
