/** One ranking out of several signals. */

/** A block and how strongly it is believed to answer the question. */
export interface RankedBlock {
  id: number;
  score: number;
}

/** The weight of the retrieval head's z-score beside BM25's: measured best of a grid on held-out questions. */
const HEAD_WEIGHT = 0.5;

/** z-scores over all blocks: how many standard deviations each lies above the mean. */
function standardize(scores: ReadonlyMap<number, number>, ids: readonly number[]): Map<number, number> {
  const values = ids.map((id) => scores.get(id) ?? 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
  const deviation = Math.sqrt(variance);
  return new Map(ids.map((id, i) => [id, deviation === 0 ? 0 : ((values[i] ?? 0) - mean) / deviation]));
}

/**
 * Ranks all blocks by BM25 plus the retrieval head's score, each standardised over the blocks.
 * @param head undefined where the model has no head that is known to retrieve
 */
export function fuseScores(
  ids: readonly number[],
  lexical: ReadonlyMap<number, number>,
  head: ReadonlyMap<number, number> | undefined,
): RankedBlock[] {
  const words = standardize(lexical, ids);
  const heads = head ? standardize(head, ids) : undefined;
  const ranked = ids.map((id) => ({ id, score: (words.get(id) ?? 0) + HEAD_WEIGHT * (heads?.get(id) ?? 0) }));
  return ranked.sort((a, b) => b.score - a.score || a.id - b.id);
}
