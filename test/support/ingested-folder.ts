/** A folder that is ingested with a tiny model, changed, and ingested again: what tests of strategies ask about. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { StrategyOptions } from "../../engine/answer/strategy-options.ts";
import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { Ingestor, type IngestorOptions } from "../../engine/ingest/ingestor.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "./folder.ts";

interface IngestedFolder {
  store: Store;
  /** What a strategy of this folder is made of. */
  options: StrategyOptions;
  /** Writes a file, and ingests. */
  write: (path: string, text: string) => Promise<void>;
  /** Deletes a file, and ingests. */
  remove: (path: string) => Promise<void>;
}

/** @param codec of keys and values; the engine's default where it is left out */
export async function ingestedFolder(
  model: LanguageModel,
  files: Record<string, string>,
  codec?: IngestorOptions["codec"],
): Promise<IngestedFolder> {
  const prompt = new PromptWriter(model.tokenizer, model.tokenizerFiles);
  const encoder = await BlockEncoder.create(model, prompt);
  const folder = temporaryFolder(files);
  const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
  onTestFinished(() => store.close());
  const ingest = async () => {
    const ingestor = new Ingestor({ folder, store, encoder, ...(codec && { codec }) });
    await ingestor.ingest({ signal: new AbortController().signal, onProgress: () => undefined });
    await ingestor.close();
  };
  await ingest();
  return {
    store,
    options: { store, model, encoder, prompt, threads: 1, log: () => undefined },
    write: async (path, text) => {
      writeFileSync(join(folder, path), text);
      await ingest();
    },
    remove: async (path) => {
      rmSync(join(folder, path));
      await ingest();
    },
  };
}

/** Source text of so many different lines. */
export function sourceLines(count: number, word: string): string {
  return Array.from({ length: count }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
}
