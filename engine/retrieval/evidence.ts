/** Whether anything in the memory fits a question at all. */

/** What speaks for a block, on scales that mean the same from question to question. */
export interface Evidence {
  /** How much of what the question's words could score the block does, 0 to 1. */
  coverage: number;
  /** Best cosines of the question's tokens in the block, weighted, the projected layers' mean; undefined without projections. */
  cosine: number | undefined;
  /** Whether it defines what the question must mean. */
  defines: boolean;
}

/**
 * The weights of the best coverage and the best cosine, and where they begin to suffice. Fitted on questions about one package
 * asked of another (docs/memory.md): few questions that the memory can answer may be turned away.
 */
const COVERAGE = 1;
const COSINE = 4;
const ENOUGH = 1.8;
/** The same by words alone. */
const ENOUGH_WORDS = 0.05;

/** Whether some block is likely to answer: the best of each signal, wherever it was found. */
export function fitsQuestion(evidence: Iterable<Evidence>): boolean {
  let [coverage, cosine] = [0, undefined as number | undefined];
  for (const block of evidence) {
    if (block.defines) return true;
    coverage = Math.max(coverage, block.coverage);
    if (block.cosine !== undefined) cosine = Math.max(cosine ?? 0, block.cosine);
  }
  return cosine === undefined ? coverage >= ENOUGH_WORDS : COVERAGE * coverage + COSINE * cosine >= ENOUGH;
}
