import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Checkpoint } from "./checkpoint.ts";
import { fieldsOf } from "./fields.ts";
import { invalidModel } from "./invalid-model.ts";
import { readJsonFile } from "./json-file.ts";
import { configFromJson } from "./model-config.ts";
import { ModelFile } from "./model-file.ts";
import type { ModelSource, TokenizerFiles } from "./model-source.ts";
import { readSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./stored-tensor.ts";
import { hashWeights } from "./weights-hash.ts";

const SINGLE_FILE = "model.safetensors";
const INDEX_FILE = "model.safetensors.index.json";

/** The largest open checkpoints come in some 200 files. */
const MAX_SHARDS = 1024;

/** Opens a checkpoint in a folder, as transformers writes it. */
export async function openSafetensors(folder: string, hashCacheDir?: string): Promise<ModelSource> {
  const configPath = join(folder, "config.json");
  const config = await readJsonFile(configPath);
  const tokenizerFiles = await readTokenizerFiles(folder);
  const files: ModelFile[] = [];
  try {
    for (const name of await weightFiles(folder)) files.push(await ModelFile.open(join(folder, name)));
    const tensors = await collectTensors(files);
    const facts = {
      path: folder,
      has: (name: string) => tensors.has(name),
      shape: (name: string) => tensors.get(name)?.shape,
    };
    return new Checkpoint({
      path: folder,
      config: configFromJson(fieldsOf(configPath, config), facts, basename(resolve(folder))),
      naming: "safetensors",
      tensors,
      interleavedRope: false,
      tokenizerFiles,
      files,
      hash: () => hashWeights(files, JSON.stringify(config), hashCacheDir),
    });
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const [tokenizer, config] = await Promise.all([
    readJsonFile(join(folder, "tokenizer.json")),
    readJsonFile(join(folder, "tokenizer_config.json")),
  ]);
  return { tokenizer, config };
}

/** Names of the files with weights, sorted: those of the index where there is one, else the single file. */
async function weightFiles(folder: string): Promise<string[]> {
  const entries = new Set(await readdir(folder));
  if (entries.has(SINGLE_FILE)) return [SINGLE_FILE];
  if (!entries.has(INDEX_FILE)) throw invalidModel(folder, SINGLE_FILE, "is missing");
  const indexPath = join(folder, INDEX_FILE);
  const index = await readJsonFile(indexPath);
  const shards = new Set(fieldsOf(indexPath, index).texts("weight_map"));
  if (shards.size === 0 || shards.size > MAX_SHARDS) {
    throw invalidModel(indexPath, "weight_map", `names ${shards.size} files, not 1 to ${MAX_SHARDS}`);
  }
  for (const shard of shards) {
    // A plain name cannot lead out of the folder, and an index cannot name itself.
    if (!/^[\w.-]+\.safetensors$/.test(shard))
      throw invalidModel(indexPath, "weight_map", `names ${JSON.stringify(shard)}, no safetensors file beside it`);
  }
  return [...shards].sort();
}

async function collectTensors(files: readonly ModelFile[]): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const file of files) {
    for (const tensor of await readSafetensors(file)) {
      if (tensors.has(tensor.name)) throw invalidModel(file.path, `tensor ${tensor.name}`, "is in two files");
      tensors.set(tensor.name, tensor);
    }
  }
  return tensors;
}
