/** A question of an evaluation and what is right. */
import type { ChatTurn, LineRange } from "../../engine/protocol/requests.ts";
import type { CorpusName, Half } from "./corpus-recipes.ts";

/**
 * What a question goes by. "describe": a comment that the corpus then lacks; "paraphrase": a note in a comment, in other words;
 * "concept": what code is for, in none of its words.
 */
export type QuestionKind =
  | "identifier"
  | "describe"
  | "paraphrase"
  | "concept"
  | "other-language"
  | "follow-up"
  | "two-hop";

/** One question. */
export interface EvalQuestion {
  corpus: CorpusName;
  half: Half;
  kind: QuestionKind;
  /** What an identifier question asks for. */
  subkind?: "value" | "default" | "where" | "calls" | "raises";
  question: string;
  /** Earlier turns, oldest first. */
  history?: ChatTurn[];
  /** Places in the prepared corpus that answer it; one of them is enough. */
  golds: LineRange[];
  /** Words of which an answer has to say one; none where answers are not checked. */
  answers: string[];
}

/** Whether a block lies on a place that answers the question. */
export function isGold({ golds }: Pick<EvalQuestion, "golds">, block: LineRange): boolean {
  return golds.some(
    ({ path, startLine, endLine }) => path === block.path && startLine <= block.endLine && block.startLine <= endLine,
  );
}
