import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Checkpoint } from "./checkpoint.ts";
import { fieldsOf } from "./fields.ts";
import { invalidModel } from "./invalid-model.ts";
import { readJsonFile, readTextFile } from "./json-file.ts";
import { configFromJson } from "./model-config.ts";
import { ModelFile } from "./model-file.ts";
import type { ModelSource, TokenizerFiles } from "./model-source.ts";
import { readSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./stored-tensor.ts";
import { hashWeights } from "./weights-hash.ts";

const SINGLE_FILE = "model.safetensors";
const INDEX_FILE = "model.safetensors.index.json";
const TEMPLATE_FILE = "chat_template.jinja";

/** The largest dense models have some 1,500. */
const MAX_TENSORS = 1 << 16;

/** The largest open checkpoints come in some 200 files. */
const MAX_SHARDS = 1024;

/** Opens a checkpoint in a folder, as transformers writes it. */
export async function openSafetensors(folder: string, hashCacheDir?: string): Promise<ModelSource> {
  const entries = new Set(await readdir(folder));
  const configPath = present(folder, entries, "config.json");
  const config = await readJsonFile(configPath);
  const tokenizerFiles = await readTokenizerFiles(folder, entries);
  const files: ModelFile[] = [];
  try {
    for (const path of await weightFiles(folder, entries)) files.push(await ModelFile.open(path));
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

/** Path of a file that the folder must have. */
function present(folder: string, entries: ReadonlySet<string>, name: string): string {
  if (!entries.has(name)) throw invalidModel(folder, name, "is missing");
  return join(folder, name);
}

async function readTokenizerFiles(folder: string, entries: ReadonlySet<string>): Promise<TokenizerFiles> {
  const tokenizer = await readJsonFile(present(folder, entries, "tokenizer.json"));
  const config = await readJsonFile(present(folder, entries, "tokenizer_config.json"));
  // transformers 5 keeps the template in a file of its own.
  if (entries.has(TEMPLATE_FILE) && config["chat_template"] === undefined) {
    config["chat_template"] = await readTextFile(join(folder, TEMPLATE_FILE));
  }
  return { tokenizer, config };
}

/** Paths of the files with weights, sorted: the single file, or else those of the index. */
async function weightFiles(folder: string, entries: ReadonlySet<string>): Promise<string[]> {
  if (entries.has(SINGLE_FILE)) return [join(folder, SINGLE_FILE)];
  if (!entries.has(INDEX_FILE)) throw invalidModel(folder, SINGLE_FILE, "is missing");
  const indexPath = join(folder, INDEX_FILE);
  const shards = new Set(fieldsOf(indexPath, await readJsonFile(indexPath)).texts("weight_map"));
  if (shards.size === 0 || shards.size > MAX_SHARDS) {
    throw invalidModel(indexPath, "weight_map", `names ${shards.size} files, not 1 to ${MAX_SHARDS}`);
  }
  for (const shard of shards) {
    // A name in the folder's own list cannot lead out of it, and an index is no safetensors file.
    if (shard.endsWith(".safetensors") && entries.has(shard)) continue;
    const name = JSON.stringify(shard.slice(0, 200));
    throw invalidModel(indexPath, "weight_map", `names ${name}, which is no safetensors file in the folder`);
  }
  return [...shards].sort().map((shard) => join(folder, shard));
}

async function collectTensors(files: readonly ModelFile[]): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const file of files) {
    for (const tensor of await readSafetensors(file)) {
      if (tensors.has(tensor.name)) throw invalidModel(file.path, `tensor ${tensor.name}`, "is in two files");
      tensors.set(tensor.name, tensor);
      if (tensors.size > MAX_TENSORS)
        throw invalidModel(file.path, "the header", `names more than ${MAX_TENSORS} tensors`);
    }
  }
  return tensors;
}
