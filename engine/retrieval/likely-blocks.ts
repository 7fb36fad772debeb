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
 * The ranking with likelihoods counted, best first. Whoever has one gains on all that have none: the least likely of them nothing,
 * the others what they are likelier.
 * @param likelihoods natural logarithms by block id
 */
export function withLikelihoods(
  ranked: readonly Hit[],
  likelihoods: ReadonlyMap<number, number>,
  weight: number,
): Hit[] {
  if (likelihoods.size === 0) return [...ranked];
  const least = Math.min(...likelihoods.values());
  const counted = ranked.map((hit): Hit => {
    const gain = weight * ((likelihoods.get(hit.block.id) ?? least) - least);
    return { ...hit, score: hit.score + gain, why: gain > hit.score ? "states" : hit.why };
  });
  return counted.sort((a, b) => b.score - a.score || a.block.id - b.block.id);
}
