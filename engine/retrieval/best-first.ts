/** Of a large folder's blocks only the best need an order. */

/** More blocks than any window takes or anyone looks through. */
const MOST_SORTED = 1024;

/** A block with a score. */
interface Scored {
  score: number;
  block: { id: number };
}

/**
 * The `count` hits with the highest scores, best first, equal ones by id, and behind them all others in the order that they had. Ordering a
 * million tokens' 16,000 blocks takes as long as scoring them.
 */
export function bestFirst<T extends Scored>(hits: readonly T[], count = MOST_SORTED): T[] {
  if (hits.length <= count) return hits.toSorted(byScore);
  const threshold = Float64Array.from(hits, ({ score }) => score).sort()[hits.length - count] ?? -Infinity;
  const best: T[] = [];
  const rest: T[] = [];
  for (const hit of hits) (hit.score >= threshold ? best : rest).push(hit);
  return [...best.sort(byScore), ...rest];
}

function byScore(a: Scored, b: Scored): number {
  return b.score - a.score || a.block.id - b.block.id;
}
