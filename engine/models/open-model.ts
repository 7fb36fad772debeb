import { stat } from "node:fs/promises";
import { ModelFile } from "./model-file.ts";
import type { ModelSource } from "./model-source.ts";
import { openGguf } from "./open-gguf.ts";
import { openSafetensors } from "./open-safetensors.ts";

/** How a model is opened. */
export interface OpenModelOptions {
  /** Where the weights' hashes are kept, so that a large file is hashed once. */
  hashCacheDir?: string;
}

/**
 * Opens a checkpoint: a GGUF file, or a folder with config.json, tokenizer.json and safetensors files. Reads headers only.
 * @throws RepoMemoryError "model-not-found", "model-invalid" (naming the field that is wrong) or "model-unsupported"
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<ModelSource> {
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (isFolder) return openSafetensors(path, options.hashCacheDir);
  const file = await ModelFile.open(path);
  try {
    return await openGguf(file, options.hashCacheDir);
  } catch (error) {
    await file.close();
    throw error;
  }
}
