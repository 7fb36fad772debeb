/** A converted model as it lies in its folder: `decode.onnx`, `prefill.onnx`, `head.onnx`, their weights and two JSON files. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { ModelConfig, TokenizerFiles } from "../models/model-source.ts";

/** Counts up whenever graphs or packing change: models converted by another version are made again. */
export const CONVERTER_VERSION = 3;

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

const configSchema = v.object({
  architecture: v.picklist(["llama", "mistral", "qwen2", "qwen3"]),
  name: v.string(),
  license: v.string(),
  layers: count,
  hidden: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  intermediate: count,
  vocabulary: count,
  contextTokens: count,
  normEpsilon: v.number(),
  ropeTheta: v.number(),
  ropeScaling: v.exactOptional(
    v.object({
      factor: v.number(),
      lowFrequencyFactor: v.number(),
      highFrequencyFactor: v.number(),
      originalContext: v.number(),
    }),
  ),
  ropeFactors: v.exactOptional(
    v.pipe(
      v.array(v.number()),
      v.transform((factors): Float32Array => Float32Array.from(factors)),
    ),
  ),
  attentionBias: v.boolean(),
  qkNorm: v.boolean(),
  tiedEmbeddings: v.boolean(),
});

const manifestSchema = v.object({
  version: v.literal(CONVERTER_VERSION),
  hash: v.string(),
  config: configSchema,
  /** Rows of the rope tables: the longest window. */
  positions: count,
  /** How prefill computes, and the KL of int8 prefill to the decode path, in nats a token. */
  prefill: v.object({ format: v.picklist(["int8", "nbits"]), kl: v.number() }),
});

const tokenizerSchema = v.object({
  tokenizer: v.record(v.string(), v.unknown()),
  config: v.record(v.string(), v.unknown()),
});

/** What the graphs beside it were made from, and how. */
export type ConvertedManifest = v.InferOutput<typeof manifestSchema>;

/** A converted model that is whole. */
export interface ConvertedModel {
  folder: string;
  manifest: ConvertedManifest;
  config: ModelConfig;
  tokenizerFiles: TokenizerFiles;
}

/** The converted model in a folder; undefined where there is none, or one of another version. */
export async function readConverted(folder: string): Promise<ConvertedModel | undefined> {
  try {
    const manifest = v.parse(manifestSchema, await readJson(folder, "manifest.json"));
    const tokenizerFiles = v.parse(tokenizerSchema, await readJson(folder, "tokenizer.json"));
    return { folder, manifest, config: manifest.config, tokenizerFiles };
  } catch {
    return undefined;
  }
}

/** Writes the two JSON files; the manifest last, as it says that all is there. */
export async function writeConverted({
  folder,
  manifest,
  tokenizerFiles,
}: Omit<ConvertedModel, "config">): Promise<void> {
  const { ropeFactors, ...rest } = manifest.config;
  const config = ropeFactors ? { ...rest, ropeFactors: Array.from(ropeFactors) } : rest;
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizerFiles));
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, config }, undefined, 2));
}

async function readJson(folder: string, name: string): Promise<unknown> {
  const parsed: unknown = JSON.parse(await readFile(join(folder, name), "utf8"));
  return parsed;
}
