/** Which questions are worth a closer look, and what it is worth: how likely blocks make a question, beside all other signals. */
import type { Evidence } from "./evidence.ts";
import type { Hit } from "./named-blocks.ts";

/** Blocks that a closer look is taken at, best first. */
export const LOOKED_AT = 32;

/**
 * What a nat of likelihood counts where no word of the question is found, in the fused ranking's units; it falls with the best coverage
 * and is nothing from `ENOUGH_WORDS` on. Fitted on questions about packages that no figure is reported on.
 */
const LIKELIHOOD = 1;
const ENOUGH_WORDS = 0.3;

/** What a nat counts for a question, by what speaks for its blocks; 0 where words or names tell enough. */
export function likelihoodWeight(evidence: Iterable<Evidence>): number {
  let coverage = 0;
  for (const block of evidence) {
    if (block.defines) return 0;
    coverage = Math.max(coverage, block.coverage);
  }
  return Math.max(0, LIKELIHOOD * (1 - coverage / ENOUGH_WORDS));
}

/**
 * The ranking with the likelihoods of its first `looked` blocks counted, best first. These change places among themselves; scores stay with
 * the places, as how far a score is below the best one's tells elsewhere what is worth a look. A block that could not be read (its keys
 * and values had to make room) counts as the middle one.
 * @param likelihoods natural logarithms by block id
 */
export function withLikelihoods(
  ranked: readonly Hit[],
  looked: number,
  likelihoods: ReadonlyMap<number, number>,
  weight: number,
): Hit[] {
  if (likelihoods.size === 0) return [...ranked];
  const sorted = [...likelihoods.values()].sort((a, b) => a - b);
  const [least, middle] = [sorted[0] ?? 0, sorted[sorted.length >> 1] ?? 0];
  const first = ranked.slice(0, looked);
  const counted = first.map((hit) => {
    const gain = weight * ((likelihoods.get(hit.block.id) ?? middle) - least);
    return { hit, gain, sum: hit.score + gain };
  });
  counted.sort((a, b) => b.sum - a.sum || a.hit.block.id - b.hit.block.id);
  const moved = counted.map(({ hit, gain }, place): Hit => {
    const why = gain > Math.max(0, hit.score) ? "states" : hit.why;
    return { ...hit, score: first[place]?.score ?? hit.score, why };
  });
  return [...moved, ...ranked.slice(looked)];
}
