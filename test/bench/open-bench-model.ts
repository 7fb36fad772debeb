import { join } from "node:path";
import { convertModel } from "../../engine/inference/convert-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import type { BenchOptions } from "./benchmark.ts";

/** The model as the engine runs it; converted on first use, and kept where the engine keeps it. */
export async function openBenchModel(options: Omit<BenchOptions, "tell">): Promise<LanguageModel> {
  const { dataDir, modelPath, threads } = options;
  const source = await openModel(modelPath);
  const context = { signal: new AbortController().signal, onProgress: () => {} };
  try {
    return await LanguageModel.open(
      await convertModel(source, join(dataDir, "models", "converted"), threads, context),
      threads,
    );
  } finally {
    await source.close();
  }
}
