/**
 * How near the graphs come to their references: each architecture's fixture in full precision to the logits of transformers,
 * and the real model's two packed paths to its own graphs in full precision, over source code.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import type { Tokenizer } from "../../engine/tokenizer/tokenizer-api.ts";
import { goldenCheckpoints } from "../models/golden-checkpoints.ts";
import { decodeLogits, hiddenStates, largestDifference } from "../support/all-logits.ts";
import { packFloatModel } from "../support/float-model.ts";
import type { BenchOptions } from "./benchmark.ts";
import { LogitsComparison } from "./logits-comparison.ts";
import { openBenchModel } from "./open-bench-model.ts";
import { strategyParity, type StrategyParityResult } from "./strategy-parity.ts";

/** Sources that every clone has after installing, of different authors and kinds; 1,536 tokens in all. */
const TEXTS = ["mocha/lib/runner.js", "preact/src/diff/index.js", "knip/dist/ConfigurationChief.js"];
const TOKENS_OF_EACH = 512;
/** Rows whose logits are held at once: 49,152 floats each. */
const ROWS = 64;

interface SmolLm2Parity {
  /** Mean over all tokens, in nats, to the reference in full precision. */
  klDecode: number;
  klPrefill: number;
  perplexity: { reference: number; decode: number; prefill: number };
  /** Share of tokens after which the likeliest next one is the reference's. */
  sameTopToken: { decode: number; prefill: number };
  tokens: number;
}

interface ParityResult {
  architectures: Record<string, { maxAbsLogitDiff: number }>;
  smollm2: SmolLm2Parity;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<ParityResult | StrategyParityResult> {
  if (options.strategies === true) return strategyParity(options);
  const architectures: ParityResult["architectures"] = {};
  for (const { architecture, paths, tokens, logits } of goldenCheckpoints()) {
    const differences: number[] = [];
    for (const path of paths) differences.push(await fixtureDifference(path, tokens, logits));
    architectures[architecture] = { maxAbsLogitDiff: Math.max(...differences) };
    options.tell(`${architecture}: ${Math.max(...differences)}`);
  }
  return { architectures, smollm2: await smolLm2Parity(options) };
}

/** The larger difference of a fixture's prefill in one run and of its decode token by token. */
async function fixtureDifference(path: string, tokens: readonly number[], expected: Float32Array): Promise<number> {
  return withFloatModel(path, 1, async (model) => {
    const prefill = await model.logits(await hiddenStates(model, Int32Array.from(tokens)));
    const decode = await decodeLogits(model, tokens);
    return Math.max(largestDifference(prefill, expected), largestDifference(decode, expected));
  });
}

async function withFloatModel<T>(path: string, threads: number, use: (model: LanguageModel) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "repo-memory-parity-"));
  const source = await openModel(path);
  try {
    const model = await LanguageModel.open(await packFloatModel(source, folder), threads);
    try {
      return await use(model);
    } finally {
      await model.close();
    }
  } finally {
    await source.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function smolLm2Parity(options: BenchOptions): Promise<SmolLm2Parity> {
  const { modelPath, threads, tell } = options;
  return withFloatModel(modelPath, threads, async (reference) => {
    const tokens = sourceTokens(reference.tokenizer);
    const expected = await hiddenStates(reference, tokens);
    tell("The reference has read the text.");
    const packed = await openBenchModel(options);
    try {
      const prefill = await comparePrefill(reference, packed, expected, tokens);
      tell(`prefill: KL ${prefill.kl}`);
      const decode = await compareDecode(reference, packed, expected, tokens);
      tell(`decode: KL ${decode.kl}`);
      return {
        klDecode: decode.kl,
        klPrefill: prefill.kl,
        perplexity: {
          reference: prefill.referencePerplexity,
          decode: decode.perplexity,
          prefill: prefill.perplexity,
        },
        sameTopToken: { decode: decode.sameTopToken, prefill: prefill.sameTopToken },
        tokens: tokens.length,
      };
    } finally {
      await packed.close();
    }
  });
}

function sourceTokens(tokenizer: Tokenizer): Int32Array {
  const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));
  return Int32Array.from(
    TEXTS.flatMap((path) => [...tokenizer.encode(readFileSync(modules + path, "utf8")).subarray(0, TOKENS_OF_EACH)]),
  );
}

/** @param expected the reference's final hidden states, [tokens, hidden] */
async function comparePrefill(
  reference: LanguageModel,
  packed: LanguageModel,
  expected: Float32Array,
  tokens: Int32Array,
): Promise<LogitsComparison> {
  const states = await hiddenStates(packed, tokens);
  const comparison = new LogitsComparison(packed.config.vocabulary);
  const { hidden } = packed.config;
  for (let from = 0; from < tokens.length; from += ROWS) {
    const range = [from * hidden, (from + ROWS) * hidden] as const;
    const rows = await reference.logits(expected.subarray(...range));
    comparison.add(rows, await packed.logits(states.subarray(...range)), tokens.subarray(from + 1, from + 1 + ROWS));
  }
  return comparison;
}

async function compareDecode(
  reference: LanguageModel,
  packed: LanguageModel,
  expected: Float32Array,
  tokens: Int32Array,
): Promise<LogitsComparison> {
  const { hidden, vocabulary } = packed.config;
  const comparison = new LogitsComparison(vocabulary);
  const window = packed.window(tokens.length);
  for (const [position, token] of tokens.entries()) {
    const row = await reference.logits(expected.subarray(position * hidden, (position + 1) * hidden));
    const { logits } = await packed.decode(window, token, position);
    comparison.add(row, logits, tokens.subarray(position + 1, position + 2));
  }
  return comparison;
}
