/** Batches of pairs: questions, the blocks that answer them, and blocks of the same files that do not. */
import { createRandom } from "../inference/random.ts";
import type { EncodedPairs } from "./encoded-pairs.ts";
import type { Batch } from "./late-interaction.ts";
import type { StateRows } from "./matrix-products.ts";
import type { PairLayout, Rows } from "./pair-layout.ts";
import type { PairSet } from "./pair-set.ts";
import { STEP } from "./standards.ts";

/** Questions of a step. */
export const BATCH_PAIRS = 64;

/** Share of the inputs that are left out at random in training. */
const DROPOUT = 0.1;
/** Random bytes that are used again and again from different starts; a power of two. */
const MASK_BYTES = 1 << 20;

/** A batch with its tokens' hidden states. */
export interface LoadedBatch extends Batch {
  questionStates: StateRows;
  blockStates: StateRows;
}

/** Indices of the pairs that may be learnt from, in an order that an epoch and a seed decide. */
export function epochOrder(set: PairSet, seed: number, epoch: number): number[] {
  const order = [...set.pairs.keys()].filter((pair) => set.pairs[pair]?.heldOut === false);
  const random = createRandom(seed * 1009 + epoch);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}

/** Loads batches of one layer. */
export class BatchLoader {
  readonly #set: PairSet;
  readonly #layout: PairLayout;
  readonly #encoded: EncodedPairs;
  readonly #layer: number;
  readonly #mask: Int8Array;
  /** Blocks of each unit: where the wrong ones of a file come from. */
  readonly #neighbours: Map<number, number[]>;

  constructor(set: PairSet, layout: PairLayout, encoded: EncodedPairs, layer: number) {
    this.#set = set;
    this.#layout = layout;
    this.#encoded = encoded;
    this.#layer = layer;
    const random = createRandom(layer);
    this.#mask = Int8Array.from({ length: MASK_BYTES }, () => (random() < DROPOUT ? 0 : -1));
    this.#neighbours = Map.groupBy(layout.blocks.keys(), (block) => layout.unitOfBlock[block] ?? -1);
  }

  load(pairs: readonly number[], random: () => number): LoadedBatch {
    const targets: number[] = [];
    const chosen: number[] = [];
    const place = (block: number): number => {
      const known = chosen.indexOf(block);
      return known >= 0 ? known : chosen.push(block) - 1;
    };
    for (const pair of pairs) targets.push(place(this.#positives(pair)[0] ?? 0));
    for (const pair of pairs) {
      const wrong = this.#wrongNeighbour(pair, chosen, random);
      if (wrong !== undefined) place(wrong);
    }
    const questions = this.#states(
      pairs.map((pair) => this.#layout.questions[pair]),
      random,
    );
    const blocks = this.#states(
      chosen.map((block) => this.#layout.blocks[block]),
      random,
    );
    return {
      questions: questions.ranges,
      questionStates: questions.states,
      blocks: blocks.ranges,
      blockStates: blocks.states,
      targets,
      isAlsoRight: (question, block) =>
        targets[question] !== block && this.#positives(pairs[question] ?? -1).includes(chosen[block] ?? -1),
    };
  }

  #positives(pair: number): readonly number[] {
    return this.#set.pairs[pair]?.positives ?? [];
  }

  #wrongNeighbour(pair: number, chosen: readonly number[], random: () => number): number | undefined {
    const positives = this.#positives(pair);
    const all = this.#neighbours.get(this.#layout.unitOfBlock[positives[0] ?? -1] ?? -1) ?? [];
    const wrong = all.filter((block) => !positives.includes(block) && !chosen.includes(block));
    return wrong[Math.floor(random() * wrong.length)];
  }

  /** Reads rows of one layer, one range after the other, and leaves some numbers out. */
  #states(ranges: readonly (Rows | undefined)[], random: () => number): { ranges: Rows[]; states: StateRows } {
    const { hidden } = this.#encoded;
    const placed: Rows[] = [];
    let rows = 0;
    for (const range of ranges) {
      const tokens = range === undefined ? 0 : range.to - range.from;
      placed.push({ from: rows, to: (rows += tokens) });
    }
    const states = new Int8Array(rows * hidden);
    ranges.forEach((range, i) => {
      if (range) this.#encoded.read(this.#layer, range, states, (placed[i]?.from ?? 0) * hidden);
    });
    let at = Math.floor(random() * MASK_BYTES);
    for (let i = 0; i < states.length; i++) {
      states[i] = (states[i] ?? 0) & (this.#mask[at] ?? -1);
      at = (at + 1) & (MASK_BYTES - 1);
    }
    return { ranges: placed, states: { states, rows, scale: STEP / (1 - DROPOUT) } };
  }
}
