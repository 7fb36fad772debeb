/** How near trained strategies come to PyTorch, on the real model in full precision: references are written by `training/`. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { InfiniModel } from "../../engine/inference/infini-state.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { LongMemModel } from "../../engine/inference/longmem-state.ts";
import { CompressiveMemory, ShareMaker } from "../../engine/memory/compressive-memory.ts";
import { infiniWeights } from "../../engine/memory/infini-weights.ts";
import { longMemWeights } from "../../engine/memory/longmem-weights.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { openStrategyWeights } from "../../engine/models/strategy-weights.ts";
import { largestDifference } from "../support/all-logits.ts";
import { bankOf, segmentStates } from "../support/longmem-banks.ts";
import { packFloatModel } from "../support/float-model.ts";
import type { BenchOptions } from "./benchmark.ts";

/** The greatest difference of a logit, as a share of the reference's range. */
interface StrategyParity {
  relativeMaxDiff: number;
}

export interface StrategyParityResult {
  infini: StrategyParity;
  longmem: StrategyParity;
}

const Tokens = v.array(v.number());
const Texts = v.object({
  /** The sha256 of the file that PyTorch read. */
  weights: v.string(),
  prefix: Tokens,
  segments: v.array(Tokens),
  question: Tokens,
  rows: v.number(),
});

/** See the module. */
export async function strategyParity({ modelPath, threads, tell }: BenchOptions): Promise<StrategyParityResult> {
  const folder = mkdtempSync(join(tmpdir(), "repo-memory-parity-"));
  const source = await openModel(modelPath);
  try {
    const model = await LanguageModel.open(await packFloatModel(source, folder), threads);
    try {
      const infini = await infiniParity(model, threads);
      tell(`infini: ${infini.relativeMaxDiff}`);
      const longmem = await longMemParity(model, threads);
      tell(`longmem: ${longmem.relativeMaxDiff}`);
      return { infini, longmem };
    } finally {
      await model.close();
    }
  } finally {
    await source.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Over a memory of four segments, each read alone behind the prefix. */
async function infiniParity(model: LanguageModel, threads: number): Promise<StrategyParity> {
  const stored = await openStrategyWeights("infini", model.hash);
  const { prefix, segments, question, rows } = referenceTexts("infini", stored.path);
  const weights = infiniWeights(stored, model.config);
  const shares = await ShareMaker.open(model.config, weights, threads);
  const infini = await InfiniModel.open(model, weights, threads);
  try {
    const memory = new CompressiveMemory(shares.layers, model.config);
    const window = model.window(prefix.length);
    await model.read(window, Int32Array.from(prefix), 0);
    for (const segment of segments) {
      const positions = Int32Array.from(segment, (_, i) => prefix.length + i);
      const { kv } = await model.run(window, Int32Array.from(segment), positions);
      memory.add(await shares.share(kv, segment.length, model.config), 1);
    }
    const state = await infini.state(Int32Array.from(prefix), memory);
    const hidden = await state.hidden(Int32Array.from(question));
    const logits = await model.logits(hidden.slice(-rows * model.config.hidden));
    return relative(logits, new Float32Array(new Uint8Array(readFileSync(golden("infini.logits.bin"))).buffer));
  } finally {
    await infini.close();
    await shares.close();
  }
}

/** Over a bank of segments, each read alone behind the prefix. */
async function longMemParity(model: LanguageModel, threads: number): Promise<StrategyParity> {
  const stored = await openStrategyWeights("longmem", model.hash);
  const { prefix, segments, question, rows } = referenceTexts("longmem", stored.path);
  const weights = longMemWeights(stored, model.config);
  const longMem = await LongMemModel.open(model, weights, threads);
  try {
    const texts = segments.map((segment) => Int32Array.from(segment));
    const blocks = await segmentStates(model, Int32Array.from(prefix), texts, weights.bankLayer);
    const state = longMem.begin(bankOf(model, weights, blocks).feeds());
    const hidden = await state.hidden(Int32Array.from([...prefix, ...question]));
    const logits = await model.logits(hidden.slice(-rows * model.config.hidden));
    return relative(logits, new Float32Array(new Uint8Array(readFileSync(golden("longmem.logits.bin"))).buffer));
  } finally {
    await longMem.close();
  }
}

/** What the reference was made of; other weights than the shipped ones may come near it by chance. */
function referenceTexts(strategy: "infini" | "longmem", weightsPath: string): v.InferOutput<typeof Texts> {
  const texts = v.parse(Texts, JSON.parse(readFileSync(golden(`${strategy}.json`), "utf8")));
  const hash = createHash("sha256").update(readFileSync(weightsPath)).digest("hex");
  if (hash === texts.weights) return texts;
  throw new Error(
    `The reference is of other weights than are shipped: python -m ${strategy}.reference makes it again.`,
  );
}

function relative(logits: Float32Array, reference: Float32Array): StrategyParity {
  const range = reference.reduce((a, b) => Math.max(a, b)) - reference.reduce((a, b) => Math.min(a, b));
  return { relativeMaxDiff: largestDifference(logits, reference) / range };
}

function golden(name: string): string {
  return fileURLToPath(new URL(`../golden/strategies/${name}`, import.meta.url));
}
