/** Which blocks enter the window: those that the user pinned, then the best of the ranking, within their budgets. */
import { MOST_BLOCKS, takeWithinBudget } from "../retrieval/select-blocks.ts";
import type { Hit } from "../retrieval/named-blocks.ts";

/** Tokens of looked-up memory in the window: a small model is distracted by more than the few right blocks. */
const MEMORY_TOKENS = 512;
/** Tokens of pinned files, besides: the blocks of theirs that fit the question best. */
const PINNED_TOKENS = 2_048;
/** Half of the blocks that a window may hold. */
const MOST_PINNED = MOST_BLOCKS / 2;
/** Blocks that are tried for the budget; one further down is not worth a gap that nothing better fills. */
const CANDIDATES = 128;

/**
 * A block with less than this share of the best one's score is left out where that one stands out: what is not the answer draws a
 * small model away from it.
 */
const LEAST_SHARE = 0.3;

/** What a user wants of the choice: files by their paths, relative to the folder. */
export interface Wishes {
  pinned?: readonly string[];
  excluded?: readonly string[];
}

/**
 * Takes from a ranking what enters the window, best first, pinned blocks before all others.
 * @param headerTokens what a block's file header costs, once a file
 * @param room tokens that the window has for all of it
 */
export function chooseBlocks(
  ranking: readonly Hit[],
  { pinned = [], excluded = [] }: Wishes,
  headerTokens: (path: string) => number,
  room = Infinity,
): Hit[] {
  const [wanted, unwanted] = [new Set(pinned), new Set(excluded)];
  const [fixed, free] = [[] as Hit[], [] as Hit[]];
  for (const hit of ranking) {
    if (wanted.has(hit.block.path)) fixed.push({ ...hit, why: "pinned" });
    else if (!unwanted.has(hit.block.path)) free.push(hit);
  }
  const pinnedRoom = Math.min(PINNED_TOKENS, Math.max(room - MEMORY_TOKENS, room / 2));
  const stays = take(fixed, pinnedRoom, headerTokens).slice(0, MOST_PINNED);
  const least = LEAST_SHARE * (free[0]?.score ?? 0);
  const worth = free.slice(0, CANDIDATES).filter(({ score }) => score >= least);
  const left = stays.length > 0 ? room - pinnedRoom : room;
  const found = take(worth, Math.min(MEMORY_TOKENS, left), headerTokens);
  return [...stays, ...found.slice(0, MOST_BLOCKS - stays.length)];
}

function take(hits: readonly Hit[], budget: number, headerTokens: (path: string) => number): Hit[] {
  const byBlock = new Map(hits.map((hit) => [hit.block, hit]));
  const taken = takeWithinBudget(byBlock.keys(), budget, ({ path }) => headerTokens(path));
  return taken.flatMap((block) => byBlock.get(block) ?? []);
}
