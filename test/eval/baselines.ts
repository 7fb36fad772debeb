/** The look-ups that an evaluation compares, over the same blocks of the same store. */
import type { LineRange } from "../../engine/protocol/requests.ts";
import { LexicalIndex } from "../../engine/retrieval/lexical-index.ts";
import { Store } from "../../engine/store/store.ts";
import type { EvalQuestion } from "./eval-question.ts";
import type { EvalWorkspace } from "./open-eval.ts";

/** Names of look-ups, as they stand in results: the engine's own, BM25 over code-aware words, InfLLM's as published. */
export type LookUpName = "ours" | "bm25" | "infllm";

/** The best `top` blocks for a question, best first. */
export type Ranker = (question: EvalQuestion, top: number) => Promise<readonly LineRange[]>;

/** The look-ups over one workspace; InfLLM's row is absent where it cannot be computed. */
export interface Rankers {
  rankers: ReadonlyMap<LookUpName, Ranker>;
  close: () => void;
}

/** Opens every look-up over a workspace that was read. */
export function openRankers(memory: EvalWorkspace, tell: (text: string) => void): Rankers {
  const store = new Store(memory.storePath, tell);
  const index = new LexicalIndex(store);
  const places = new Map(store.read((blocks) => blocks.placed()).map((block) => [block.id, block]));
  const bm25: Ranker = async (question, top) =>
    index.search(lookUpText(question), top).flatMap(({ blockId }) => places.get(blockId) ?? []);
  const ours: Ranker = (question, top) => memory.recall(lookUpText(question), top);
  return {
    rankers: new Map<LookUpName, Ranker>([
      ["ours", ours],
      ["bm25", bm25],
    ]),
    close: () => store.close(),
  };
}

/** What every look-up goes by, also that of text: a follow-up question is looked up with the question before it. */
export function lookUpText({ question, history = [] }: EvalQuestion): string {
  const before = history.findLast(({ role }) => role === "user");
  return before === undefined ? question : `${before.text}\n${question}`;
}
