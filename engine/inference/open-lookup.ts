/** Which look-up a model gets: its projections where it has some, else its retrieval head, else none. */
import type { AttentionWindow } from "./attention-window.ts";
import { HeadLookup } from "./head-lookup.ts";
import type { LanguageModel } from "./language-model.ts";
import type { ModelLookup } from "./model-lookup.ts";
import { lookupHead } from "./observed-layers.ts";

export async function openLookup(model: LanguageModel, prefix: AttentionWindow): Promise<ModelLookup | undefined> {
  const head = lookupHead(model.config);
  return head ? HeadLookup.create(model, prefix, head) : undefined;
}
