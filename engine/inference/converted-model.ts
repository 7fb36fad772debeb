/** A converted model as it lies in its folder: `decode.onnx`, `prefill.onnx`, `head.onnx`, their weights and two JSON files. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { ModelConfig, TokenizerFiles } from "../models/model-source.ts";
import type { AttentionHeads } from "./observed-layers.ts";

/** Counts up whenever graphs, packing or the manifest change: models converted by another version are made again. */
export const CONVERTER_VERSION = 5;

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

const index = v.pipe(v.number(), v.integer(), v.minValue(0));

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

const headSchema = v.object({ layer: index, head: index });

const manifestFields = v.object({
  version: v.literal(CONVERTER_VERSION),
  hash: v.string(),
  config: configSchema,
  /** The attention heads that look up, by number. */
  heads: v.object({ lookup: v.exactOptional(headSchema), retrieval: v.pipe(v.array(headSchema), v.minLength(1)) }),
  /** Rows of the rope tables: the longest window. */
  positions: count,
  /** How prefill computes, and the KL of int8 prefill to the decode path, in nats a token. */
  prefill: v.object({ format: v.picklist(["int8", "nbits"]), kl: v.number() }),
  /** Bytes of each graph and weight file: one that was cut short would take the process down when it is mapped. */
  files: v.record(v.pipe(v.string(), v.regex(/^[\w.-]+$/)), count),
});

const manifestSchema = v.pipe(
  manifestFields,
  v.check(({ config, heads: { lookup, retrieval } }) =>
    [...retrieval, lookup ?? { layer: 0, head: 0 }].every(
      ({ layer, head }) => layer < config.layers && head < config.heads,
    ),
  ),
);

const tokenizerSchema = v.object({
  tokenizer: v.record(v.string(), v.unknown()),
  config: v.record(v.string(), v.unknown()),
});

type FileSizes = v.InferOutput<typeof manifestFields>["files"];

/** What the graphs beside it were made from, and how. */
export interface ConvertedManifest extends Omit<v.InferOutput<typeof manifestFields>, "files" | "heads"> {
  heads: AttentionHeads;
}

/** A converted model that is whole. */
export interface ConvertedModel {
  folder: string;
  manifest: ConvertedManifest;
  config: ModelConfig;
  tokenizerFiles: TokenizerFiles;
}

/** The converted model in a folder; undefined where there is none, one of another version, or one that lacks a part. */
export async function readConverted(folder: string): Promise<ConvertedModel | undefined> {
  try {
    const manifest = v.parse(manifestSchema, await readJson(folder, "manifest.json"));
    const tokenizerFiles = v.parse(tokenizerSchema, await readJson(folder, "tokenizer.json"));
    if (!(await areWhole(folder, manifest.files))) return undefined;
    return { folder, manifest, config: manifest.config, tokenizerFiles };
  } catch {
    return undefined;
  }
}

/** Writes the two JSON files; the manifest last, as it says that all is there, and how large. */
export async function writeConverted(
  folder: string,
  manifest: ConvertedManifest,
  tokenizer: TokenizerFiles,
): Promise<void> {
  const { ropeFactors, ...rest } = manifest.config;
  const config = ropeFactors ? { ...rest, ropeFactors: Array.from(ropeFactors) } : rest;
  const files = await sizesIn(folder);
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, config, files }, undefined, 2));
}

/** Bytes of each graph and weight file by its name. */
async function sizesIn(folder: string): Promise<FileSizes> {
  const names = (await readdir(folder)).filter((name) => /\.(onnx|bin)$/.test(name));
  const sizes = names.map(async (name) => [name, (await stat(join(folder, name))).size] as const);
  return Object.fromEntries(await Promise.all(sizes));
}

async function areWhole(folder: string, files: FileSizes): Promise<boolean> {
  const found = await sizesIn(folder);
  return Object.entries(files).every(([name, size]) => found[name] === size);
}

async function readJson(folder: string, name: string): Promise<unknown> {
  const parsed: unknown = JSON.parse(await readFile(join(folder, name), "utf8"));
  return parsed;
}
