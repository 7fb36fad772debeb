/** Shortest passage whose immediate repetition counts as a loop: shorter ones (list markers, indentation) occur in good text. */
const SHORTEST_LOOP = 10;
/** A longer passage that is written twice word for word may be wanted. */
const LONGEST_LOOP = 96;

/**
 * How many of the last tokens repeat the ones before them word for word; 0 when they do not. Small models say a thing and
 * then say it again until they are stopped; the reader has it after the first time.
 */
export function loopLength(tokens: readonly number[]): number {
  const longest = Math.min(LONGEST_LOOP, tokens.length >> 1);
  for (let period = SHORTEST_LOOP; period <= longest; period++) {
    const last = tokens.length - period;
    let same = 0;
    while (same < period && tokens[last + same] === tokens[last - period + same]) same++;
    if (same === period) return period;
  }
  return 0;
}
