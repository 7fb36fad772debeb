/** Where each block's and each question's tokens lie among all tokens of a set of pairs. */
import type { PairSegment, PairSet, TrainingPair } from "./pair-set.ts";

/** Questions are cut here, in tokens; sentences are not longer. */
const QUESTION_TOKENS = 64;

/** Consecutive rows, one a token. */
export interface Rows {
  from: number;
  to: number;
}

/** What is encoded together: a segment and the questions that it answers. */
export interface PairUnit {
  segment: PairSegment;
  /** Indices into the set's pairs. */
  questions: number[];
  /** First row of the unit. */
  from: number;
}

/** The layout; a function of the set and the tokenizer alone. */
export interface PairLayout {
  units: PairUnit[];
  /** By block. */
  blocks: Rows[];
  /** By block: the other blocks of its segment. */
  unitOfBlock: number[];
  /** By pair. */
  questions: Rows[];
  questionTokens: Int32Array[];
  rows: number;
}

export function layOut(set: PairSet, tokenize: (text: string) => Int32Array): PairLayout {
  const layout: PairLayout = { units: [], blocks: [], unitOfBlock: [], questions: [], questionTokens: [], rows: 0 };
  const unitOf = set.segments.flatMap(({ segment }, i) => segment.blocks.map(() => i));
  const asked = Map.groupBy(set.pairs.keys(), (pair) => unitOf[firstPositive(set.pairs[pair])] ?? -1);
  const take = (tokens: number): Rows => ({ from: layout.rows, to: (layout.rows += tokens) });
  set.segments.forEach((segment, i) => {
    const questions = asked.get(i) ?? [];
    layout.units.push({ segment, questions, from: layout.rows });
    for (const { tokens } of segment.segment.blocks) layout.blocks.push(take(tokens.length));
    for (const pair of questions) {
      const tokens = tokenize(set.pairs[pair]?.question ?? "").subarray(0, QUESTION_TOKENS);
      layout.questionTokens[pair] = tokens;
      layout.questions[pair] = take(tokens.length);
    }
  });
  layout.unitOfBlock = unitOf;
  return layout;
}

function firstPositive(pair: TrainingPair | undefined): number {
  return pair?.positives[0] ?? -1;
}
