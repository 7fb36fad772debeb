import { basename } from "node:path";
import { Checkpoint } from "./checkpoint.ts";
import { Fields } from "./fields.ts";
import { readGguf, type GgufHeader } from "./gguf.ts";
import { tokenizerFromGguf } from "./gguf-tokenizer.ts";
import { invalidModel } from "./invalid-model.ts";
import { configFromGguf } from "./model-config.ts";
import type { ModelFile } from "./model-file.ts";
import type { ModelConfig, ModelSource } from "./model-source.ts";
import { dequantize } from "./quant-blocks.ts";
import type { StoredTensor } from "./stored-tensor.ts";
import { hashWeights } from "./weights-hash.ts";

/** rope_freqs has headDim / 2 values; no head is wider than this. */
const MAX_ROPE_FACTORS = 4096;

/** Opens a checkpoint in one GGUF file; closing it closes `file`. */
export async function openGguf(file: ModelFile, hashCacheDir?: string): Promise<ModelSource> {
  const { metadata, tensors } = readGguf(file);
  const fields = new Fields(file.path, (key) => metadata.get(key));
  const config = await readConfig(file, fields, tensors);
  const interleaved = config.architecture === "llama" || config.architecture === "mistral";
  return new Checkpoint({
    path: file.path,
    config,
    naming: "gguf",
    tensors,
    interleavedRope: interleaved,
    tokenizerFiles: tokenizerFromGguf(fields, config.vocabulary),
    files: [file],
    hash: () => hashWeights([file], "", hashCacheDir),
  });
}

async function readConfig(file: ModelFile, fields: Fields, tensors: GgufHeader["tensors"]): Promise<ModelConfig> {
  const facts = {
    path: file.path,
    has: (name: string) => tensors.has(name),
    shape: (name: string) => tensors.get(name)?.shape,
  };
  const factors = tensors.get("rope_freqs.weight");
  const ropeFactors = factors === undefined ? undefined : await readRopeFactors(factors);
  const config = configFromGguf(fields, facts, ropeFactors, basename(file.path, ".gguf"));
  if (ropeFactors !== undefined && ropeFactors.length !== config.headDim / 2) {
    throw invalidModel(
      file.path,
      "tensor rope_freqs.weight",
      `has ${ropeFactors.length} values, not ${config.headDim / 2}`,
    );
  }
  return config;
}

/** The divisors of the inverse frequencies (llama.cpp's converter makes them from Llama 3's rope scaling). */
async function readRopeFactors(tensor: StoredTensor): Promise<Float32Array> {
  const { file, name, type, shape, offset } = tensor;
  const count = shape[0] ?? 0;
  if (type !== "F32" || shape.length !== 1 || count > MAX_ROPE_FACTORS) {
    throw invalidModel(file.path, `tensor ${name}`, `is ${type} [${shape.join(", ")}], not a short F32 vector`);
  }
  const factors = new Float32Array(count);
  dequantize(type, await file.read(offset, count * 4, `tensor ${name}`), factors);
  if (!factors.every((factor) => Number.isFinite(factor) && factor > 0)) {
    throw invalidModel(file.path, `tensor ${name}`, "has a value that is not above 0");
  }
  return factors;
}
