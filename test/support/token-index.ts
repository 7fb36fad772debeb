import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, type TokenQueries } from "../../engine/retrieval/token-index.ts";
import { randomInteger } from "./random.ts";

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
export function slowScore(stored: Int8Array, { queries, weights }: TokenQueries): number {
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
