/**
 * Looks up again while an answer is written, by what it says so far: InfLLM (arXiv 2402.04617) does so for every token, here it
 * is every N. What turns out to be needed takes the slots of what the answer does not attend to; nothing else moves.
 */
import type { BlockSlots } from "../memory/block-window.ts";
import type { Asked, Hit } from "../retrieval/named-blocks.ts";
import type { ChosenRange } from "../protocol/requests.ts";
import type { PlacedBlock } from "../store/block-reader.ts";

/** Blocks of the new ranking that are worth a place; those a little further down are not worth losing one. */
const BEST = 2;
const WORTH_KEEPING = 8;
/** Of the answer, what is looked up by: its last sentences. */
const LAST_CHARACTERS = 400;

/** How a filled window is looked up for and changed. */
export interface Refill {
  /** All blocks that may enter the window, the likeliest first. */
  rank: (asked: Asked) => Promise<Hit[]>;
  /** Puts a block into slots of the window; undefined where it has more tokens than these, or is gone. */
  put: (block: PlacedBlock, slots: BlockSlots) => Promise<BlockSlots | undefined>;
  /** Blocks that the user wants in the window. */
  stays: ReadonlySet<number>;
}

/** What the window holds, and how much attention each block got: the tally of an answer. */
export interface Placed {
  readonly slots: readonly BlockSlots[];
  /** What the answer's tokens paid to the block at `index` so far. */
  attentionTo: (index: number) => number;
  /** Notes that the block at `index` made room for another. */
  replace: (index: number, slots: BlockSlots) => void;
}

/** Looks up by the answer's end behind its question, and returns the blocks that entered the window. */
export async function lookAgain(
  refill: Refill,
  question: string,
  text: string,
  placed: Placed,
): Promise<ChosenRange[]> {
  const ranking = await refill.rank({ question: text.slice(-LAST_CHARACTERS), before: question });
  const inWindow = new Set(placed.slots.flatMap(({ block, from, to }) => (to > from ? block.id : [])));
  const kept = new Set([...refill.stays, ...ranking.slice(0, WORTH_KEEPING).map(({ block }) => block.id)]);
  const entered: ChosenRange[] = [];
  for (const hit of ranking.slice(0, BEST).filter(({ block }) => !inWindow.has(block.id))) {
    const index = leastAttended(placed, kept, hit.block.tokens);
    const slots = placed.slots[index];
    const own = slots && (await refill.put(hit.block, slots));
    if (!own) continue;
    placed.replace(index, own);
    entered.push(rangeOf(hit));
  }
  return entered;
}

/** Of the blocks that may go and have room for `tokens`, the one that got least attention; -1 where there is none. */
function leastAttended(placed: Placed, kept: ReadonlySet<number>, tokens: number): number {
  const candidates = [...placed.slots.entries()].flatMap(([index, { block, from, to }]) =>
    to - from >= tokens && !kept.has(block.id) ? [{ index, attention: placed.attentionTo(index) }] : [],
  );
  return candidates.toSorted((a, b) => a.attention - b.attention)[0]?.index ?? -1;
}

/** A block of a ranking as the protocol has it. */
export function rangeOf({ block, score, why }: Omit<Hit, "evidence">): ChosenRange {
  const { path, startLine, endLine } = block;
  return { path, startLine, endLine, score, why };
}
