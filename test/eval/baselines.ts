/** The look-ups that an evaluation compares, over the same blocks of the same store. */
import type { LineRange } from "../../engine/protocol/requests.ts";
import { LexicalIndex } from "../../engine/retrieval/lexical-index.ts";
import { Store } from "../../engine/store/store.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import type { Half } from "./corpus-recipes.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { InfllmIndex } from "./infllm-row.ts";
import type { EvalSession, EvalWorkspace } from "./open-eval.ts";

/** Names of look-ups, as they stand in results: the engine's own, BM25 over code-aware words, InfLLM's as published. */
export type LookUpName = "ours" | "bm25" | "infllm";

/** The best `top` blocks for a question, best first. */
export type Ranker = (question: EvalQuestion, top: number) => Promise<readonly LineRange[]>;

/** The look-ups over one workspace. */
export interface Rankers {
  rankers: ReadonlyMap<LookUpName, Ranker>;
  /** Each layer's own ranking, as published; absent where InfLLM's row is. */
  infllmLayers?: (question: EvalQuestion, top: number) => Promise<readonly (readonly LineRange[])[]>;
  close: () => Promise<void>;
}

/**
 * Opens the look-ups over a workspace that was read. InfLLM's costs as much as reading it once more, so who tunes ours goes
 * without.
 */
export async function openRankers(
  half: Half,
  memory: EvalWorkspace,
  session: EvalSession,
  options: BenchOptions,
): Promise<Rankers> {
  const rankers = new Map<LookUpName, Ranker>();
  rankers.set("ours", ({ question, history = [] }, top) => memory.recall(question, top, history));
  const store = new Store(memory.storePath, options.tell);
  const words = new LexicalIndex(store);
  const places = new Map(store.read((blocks) => blocks.placed()).map((block) => [block.id, block]));
  rankers.set("bm25", async (question, top) =>
    words.search(lookUpText(question), top).flatMap(({ blockId }) => places.get(blockId) ?? []),
  );
  const published = half === "tune" ? undefined : await InfllmIndex.open({ ...options, loaded: session.loaded, store });
  if (published !== undefined) {
    rankers.set("infllm", async (question, top) => (await published.rank(lookUpText(question), top)).summed);
  }
  const close = async (): Promise<void> => {
    await published?.close();
    store.close();
  };
  if (published === undefined) return { rankers, close };
  return {
    rankers,
    close,
    infllmLayers: async (question, top) => (await published.rank(lookUpText(question), top)).layers,
  };
}

/** What every look-up goes by, also that of text: a follow-up question is looked up with the question before it. */
export function lookUpText({ question, history = [] }: EvalQuestion): string {
  const before = history.findLast(({ role }) => role === "user");
  return before === undefined ? question : `${before.text}\n${question}`;
}
