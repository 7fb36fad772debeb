import { expect } from "vitest";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex, type TokenQueries } from "../../engine/retrieval/token-index.ts";
import type { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { randomInteger, seededRandom } from "./random.ts";

export const LAYERS = 2;

/** Codes of a block of 1 to 128 tokens, a layer each. */
export function randomBlock(random: () => number): Int8Array[] {
  const tokens = 1 + randomInteger(random, 128);
  const layer = () => Int8Array.from({ length: tokens * PROJECTED }, () => randomInteger(random, 15) - 7);
  return Array.from({ length: LAYERS }, layer);
}

export function randomEntry(random: () => number): Uint8Array {
  return packEntry(randomBlock(random));
}

export function randomQuestion(tokens: number, random: () => number): TokenQueries {
  const queries = Float32Array.from({ length: tokens * PROJECTED }, () => random() * 2 - 1);
  const shares = Array.from({ length: tokens }, () => random());
  const sum = shares.reduce((total, share) => total + share, 0);
  return { queries, weights: Float32Array.from(shares, (share) => share / sum) };
}

/** The score by its definition. */
function slowScore(stored: Int8Array, { queries, weights }: TokenQueries): number {
  let score = 0;
  for (const [query, weight] of weights.entries()) {
    let best = -Infinity;
    for (let token = 0; token < stored.length; token += PROJECTED) {
      let dot = 0;
      for (let i = 0; i < PROJECTED; i++) dot += (stored[token + i] ?? 0) * (queries[query * PROJECTED + i] ?? 0);
      best = Math.max(best, dot);
    }
    score += weight * best;
  }
  return score;
}

/** A question's tokens for each layer. */
export function randomQuestions(tokens: number, random: () => number): TokenQueries[] {
  return Array.from({ length: LAYERS }, () => randomQuestion(tokens, random));
}

/** What rounding questions to int8 changes: four deviations of 64 products with codes of at most 7. */
const ROUNDED = 0.3;

/** Asserts that scores are those of the definition, of exactly the blocks that are there. */
export function expectScores(
  scores: readonly ReadonlyMap<number, number>[],
  live: ReadonlyMap<number, Int8Array[]>,
  asked: readonly TokenQueries[],
  tolerance = ROUNDED,
): void {
  expect(scores.length).toBe(LAYERS);
  for (const [layer, ofLayer] of scores.entries()) {
    expect([...ofLayer.keys()].toSorted((a, b) => a - b)).toEqual([...live.keys()].toSorted((a, b) => a - b));
    for (const [id, score] of ofLayer) {
      const [stored, query] = [live.get(id)?.[layer], asked[layer]];
      if (!stored || !query) throw new Error("a block was scored that is not there");
      expect(Math.abs(score - slowScore(stored, query))).toBeLessThan(tolerance);
    }
  }
}

/** An index that is changed beside its scorer, and what is in it. */
export class ChangingIndex {
  readonly index = new TokenIndex(LAYERS);
  readonly live = new Map<number, Int8Array[]>();
  readonly #random: () => number;

  constructor(random: () => number, blocks = 0) {
    this.#random = random;
    for (let id = 0; id < blocks; id++) this.add(id);
  }

  add(id: number): void {
    const block = randomBlock(this.#random);
    this.live.set(id, block);
    this.index.add(id, packEntry(block));
  }

  remove(...ids: readonly number[]): void {
    for (const id of ids) {
      this.live.delete(id);
      this.index.remove(id);
    }
  }
}

/** Asks while blocks come and go, in few graphs and in many. @param blocks to begin with */
export async function expectScoresWhileChanging(
  scorerOf: (index: TokenIndex) => TokenScorer,
  blocks: number,
  tolerance = ROUNDED,
) {
  const random = seededRandom(5);
  const changing = new ChangingIndex(random);
  const scorer = scorerOf(changing.index);
  const check = async () => {
    const asked = randomQuestions(1 + randomInteger(random, 5), random);
    expectScores(await scorer.score(asked), changing.live, asked, tolerance);
  };
  await check();
  for (let block = 0; block < blocks; block++) changing.add(block);
  await check();
  // A few of a graph's blocks go, and one comes back as another.
  changing.remove(3, 5, blocks - 1);
  changing.add(blocks);
  changing.add(5);
  await check();
  // So many go that graphs are made without them.
  changing.remove(...Array.from({ length: blocks / 2 }, (_, i) => 2 * i));
  await check();
  await scorer.close();
  expect(scorer.bytes).toBe(0);
  await check();
  changing.remove(...changing.live.keys());
  await check();
  await scorer.close();
}
