/** One ranking out of several signals. */
import type { LexicalHit } from "./lexical-index.ts";

/** A block and how strongly it is believed to answer the question. */
export interface RankedBlock {
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

/** What makes z-scores over the blocks that have a score. */
interface Standard {
  scores: ReadonlyMap<number, number>;
  mean: number;
  /** One over the deviation; 0 where all scores are equal. */
  inverse: number;
}

function standardOf(scores: ReadonlyMap<number, number>): Standard {
  const count = Math.max(1, scores.size);
  let [sum, squares] = [0, 0];
  for (const score of scores.values()) sum += score;
  const mean = sum / count;
  for (const score of scores.values()) squares += (score - mean) ** 2;
  const deviation = Math.sqrt(squares / count);
  return { scores, mean, inverse: deviation === 0 ? 0 : 1 / deviation };
}

/** 0, the mean, for a block without a score. */
function zScore({ scores, mean, inverse }: Standard, id: number): number {
  return ((scores.get(id) ?? mean) - mean) * inverse;
}

/**
 * Ranks all blocks by the words that they share with the question plus what the model's states say.
 * @param lexical the blocks that share words with the question
 * @param states scores by the model, each on a scale of its own; blocks whose index entry is still to come are missing
 */
export function fuseScores(
  ids: readonly number[],
  lexical: readonly LexicalHit[],
  states: readonly ReadonlyMap<number, number>[],
): RankedBlock[] {
  const standard = states.map(standardOf);
  const trust = lexical.reduce((most, { coverage }) => Math.max(most, coverage), 0);
  const shared = new Map(
    lexical.map(({ blockId, coverage, formCoverage, pairCoverage }) => [
      blockId,
      ALL_WORDS * trust * (coverage + formCoverage + pairCoverage),
    ]),
  );
  const ranked = ids.map((id) => {
    const words = shared.get(id) ?? 0;
    const fromStates = standard.reduce((sum, each) => sum + STATES * zScore(each, id), 0);
    return { id, score: words + fromStates, words, states: fromStates };
  });
  return ranked.sort((a, b) => b.score - a.score || a.id - b.id);
}
