import type { Asked } from "../../engine/retrieval/named-blocks.ts";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { WindowFiller } from "../../engine/answer/fill-window.ts";
import { LookUp } from "../../engine/answer/look-up.ts";
import type { CodecName } from "../../engine/blocks/block-codec.ts";
import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "./folder.ts";
import { openTinyModel } from "./tiny-model.ts";

/** Everything that is between a folder and a filled window, on a tiny checkpoint. */
interface TinyWorkspace {
  model: LanguageModel;
  encoder: BlockEncoder;
  store: Store;
  lookUp: LookUp;
  filler: WindowFiller;
}

/** Positions for a prefix, what a window takes at most, a question and an answer. */
const POSITIONS = 2048;

/** Ingests `files` into a store of its own; all is closed after the test. */
export async function openTinyWorkspace(
  files: Readonly<Record<string, string>>,
  codec: CodecName = "f16",
): Promise<TinyWorkspace> {
  const model = await openTinyModel("llama", POSITIONS);
  const encoder = await BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles));
  const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
  const ingestor = new Ingestor({ folder: temporaryFolder(files), store, encoder, codec });
  await ingestor.ingest({ signal: new AbortController().signal, onProgress: () => undefined });
  await ingestor.close();
  const lookUp = await LookUp.open(store, encoder, 1);
  onTestFinished(async () => {
    await lookUp.close();
    store.close();
  });
  return { model, encoder, store, lookUp, filler: new WindowFiller(store, model, encoder, lookUp, () => undefined) };
}

/** A question that follows up on nothing. */
export function asked(question: string): Asked {
  return { question, before: "" };
}
