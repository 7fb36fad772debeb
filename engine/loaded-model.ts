/** A model that is ready to answer: loaded once an engine, when something needs it. */
import { totalmem } from "node:os";
import { join } from "node:path";
import { BlockEncoder, type OpenLookup } from "./inference/block-encoder.ts";
import { ModelDevice } from "./inference/choose-device.ts";
import { convertModel } from "./inference/convert-model.ts";
import type { ConvertedModel } from "./inference/converted-model.ts";
import { type LookupSources, openLookup } from "./inference/open-lookup.ts";
import { LanguageModel } from "./inference/language-model.ts";
import { PromptWriter } from "./inference/prompt.ts";
import { obtainModel } from "./models/obtain-model.ts";
import { openModel } from "./models/open-model.ts";
import { RepoMemoryError } from "./protocol/errors.ts";
import { orAborted } from "./protocol/or-aborted.ts";
import type { CallContext, EngineOptions, ModelInfo } from "./protocol/requests.ts";
import { stat } from "node:fs/promises";

export interface LoadedModel {
  info: ModelInfo;
  model: LanguageModel;
  prompt: PromptWriter;
  encoder: BlockEncoder;
  device: ModelDevice;
}

/** Finds or fetches the model, converts it where that has not been done, and loads it. */
export async function loadModel(
  options: EngineOptions,
  threads: number,
  context: CallContext,
  log: (line: string) => void = () => undefined,
): Promise<LoadedModel> {
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
    const model = await openConverted(converted, threads);
    const { prompt, encoder } = await prepare(model, { dataDir: options.dataDir, threads, log });
    const device = new ModelDevice({ choice: options.device ?? "auto", dataDir: options.dataDir, threads, log });
    const choosing = device.choose(model);
    // Nobody waits for a GPU that nobody asked for: the CPU begins.
    if (options.device === "webgpu") await orClosed(choosing, device, model, context.signal);
    const { name, license, architecture, contextTokens } = model.config;
    const { size: bytes } = await stat(path);
    const info: ModelInfo = { name, path, architecture, contextTokens, bytes, license, state: "in-use" };
    return { info, model, prompt, encoder, device };
  } finally {
    await source.close();
  }
}

/** Waits for the choice; an abort closes both. */
async function orClosed(
  choosing: Promise<void>,
  device: ModelDevice,
  model: LanguageModel,
  signal: AbortSignal,
): Promise<void> {
  try {
    await orAborted(choosing, signal);
  } catch (error) {
    await device.close();
    await model.close();
    throw error;
  }
}

/** A graph that is refused names its folder: that is what the user is asked to delete. */
async function openConverted(converted: ConvertedModel, threads: number): Promise<LanguageModel> {
  try {
    return await LanguageModel.open(converted, threads);
  } catch (cause) {
    const { code, message, meaning } = RepoMemoryError.from(cause);
    throw new RepoMemoryError(code, {
      message: `${message} It lies in ${converted.folder}.`,
      meaning,
      remedy: "Delete that folder to have the model converted again; if it fails again, choose a smaller model.",
      cause,
    });
  }
}

async function prepare(model: LanguageModel, sources: LookupSources): Promise<Pick<LoadedModel, "prompt" | "encoder">> {
  try {
    const prompt = new PromptWriter(model.tokenizer, model.tokenizerFiles);
    const open: OpenLookup = (behind) => openLookup(model, behind, sources);
    return { prompt, encoder: await BlockEncoder.create(model, prompt, open) };
  } catch (error) {
    await model.close();
    throw error;
  }
}
