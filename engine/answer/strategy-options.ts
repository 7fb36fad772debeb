import type { BlockEncoder } from "../inference/block-encoder.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import type { PromptWriter } from "../inference/prompt.ts";
import type { Store } from "../store/store.ts";

/** What strategies are made of: one folder's store, and the model. */
export interface StrategyOptions {
  store: Store;
  model: LanguageModel;
  encoder: BlockEncoder;
  prompt: PromptWriter;
  threads: number;
  log: (line: string) => void;
}
