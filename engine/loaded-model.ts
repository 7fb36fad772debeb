/** A model that is ready to answer: loaded once an engine, when something needs it. */
import { totalmem } from "node:os";
import { join } from "node:path";
import { BlockEncoder } from "./inference/block-encoder.ts";
import { convertModel } from "./inference/convert-model.ts";
import { LanguageModel } from "./inference/language-model.ts";
import { PromptWriter } from "./inference/prompt.ts";
import { obtainModel } from "./models/obtain-model.ts";
import { openModel } from "./models/open-model.ts";
import type { CallContext, EngineOptions, ModelInfo } from "./protocol/requests.ts";
import { stat } from "node:fs/promises";

export interface LoadedModel {
  info: ModelInfo;
  model: LanguageModel;
  prompt: PromptWriter;
  encoder: BlockEncoder;
}

/** Finds or fetches the model, converts it where that has not been done, and loads it. */
export async function loadModel(options: EngineOptions, threads: number, context: CallContext): Promise<LoadedModel> {
  const path = await obtainModel({
    dataDir: options.dataDir,
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.mayDownload === undefined ? {} : { mayDownload: options.mayDownload }),
    memoryBytes: totalmem(),
    ...context,
  });
  const source = await openModel(path, { hashCacheDir: join(options.dataDir, "hashes") });
  try {
    const converted = await convertModel(source, join(options.dataDir, "models", "converted"), threads, context);
    const model = await LanguageModel.open(converted, threads);
    const { prompt, encoder } = await prepare(model);
    const { name, license, architecture, contextTokens } = model.config;
    const { size: bytes } = await stat(path);
    const info: ModelInfo = { name, path, architecture, contextTokens, bytes, license, state: "in-use" };
    return { info, model, prompt, encoder };
  } finally {
    await source.close();
  }
}

async function prepare(model: LanguageModel): Promise<Pick<LoadedModel, "prompt" | "encoder">> {
  try {
    const prompt = new PromptWriter(model.tokenizer, model.tokenizerFiles);
    return { prompt, encoder: await BlockEncoder.create(model, prompt) };
  } catch (error) {
    await model.close();
    throw error;
  }
}
