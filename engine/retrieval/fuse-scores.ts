/** One score out of several signals. */
import type { LexicalHit } from "./lexical-index.ts";

/** A block and how strongly it is believed to answer the question. */
export interface FusedScore {
  id: number;
  score: number;
  /** What of the score the words have in common with the question, and what the model's states say. */
  words: number;
  states: number;
}

/**
 * What a block that has all words of the question is worth, in standard deviations of one score of the model's states, where
 * some block has all of them. Words are not standardised but trusted by the best coverage: where nothing in the workspace
 * shares many words with the question, those that are shared by chance must not decide.
 */
const ALL_WORDS = 50;

/** What one score of the model's states counts. */
const STATES = 1.3;

/**
 * Scores every block by the words that it shares with the question plus what the model's states say, as standard scores over the
 * blocks that have one: a block without a score counts as the mean.
 * @param lexical the blocks that share words with the question
 * @param states scores by the model, each on a scale of its own; blocks whose index entry is still to come are missing
 * @returns in the order of `ids`: sorting is for when all signals are counted (`bestFirst`)
 */
export function fuseScores(
  ids: readonly number[],
  lexical: readonly LexicalHit[],
  states: readonly ReadonlyMap<number, number>[],
): FusedScore[] {
  const fromStates = new Float64Array(ids.length);
  for (const scores of states) addStandardScores(fromStates, ids, scores);
  const trust = lexical.reduce((most, { coverage }) => Math.max(most, coverage), 0);
  const shared = new Map(
    lexical.map(({ blockId, coverage, formCoverage, pairCoverage }) => [
      blockId,
      ALL_WORDS * trust * (coverage + formCoverage + pairCoverage),
    ]),
  );
  return ids.map((id, i) => {
    const words = shared.get(id) ?? 0;
    const said = STATES * (fromStates[i] ?? 0);
    return { id, score: words + said, words, states: said };
  });
}

function addStandardScores(sums: Float64Array, ids: readonly number[], scores: ReadonlyMap<number, number>): void {
  const count = Math.max(1, scores.size);
  let [sum, squares] = [0, 0];
  for (const score of scores.values()) sum += score;
  const mean = sum / count;
  for (const score of scores.values()) squares += (score - mean) ** 2;
  const deviation = Math.sqrt(squares / count);
  if (deviation === 0) return;
  for (const [i, id] of ids.entries()) sums[i] = (sums[i] ?? 0) + ((scores.get(id) ?? mean) - mean) / deviation;
}
