/**
 * The strategies of memory and plain attention on the same held-out cases: pass keys, one of many codes, constants planted in real code,
 * perplexity of held-out code, answer time, disk and memory. Plain attention has the folder's text in its prompt: all of it where it fits
 * the model's positions, else its last tokens. `--limit N` takes at most N of each kind of case; `--only NAME,NAME`, parts or
 * strategies or both, measures less, and rows lack the rest.
 */
import * as v from "valibot";
import { openEval } from "../eval/open-eval.ts";
import { type Estimate, mean, proportion } from "../eval/intervals.ts";
import { COMPARED, type Compared, multiKey, passKeys } from "../eval/strategy-answers.ts";
import { type CodeFigures, strategyCode } from "../eval/strategy-code.ts";
import { type BenchOptions, partsOf } from "./benchmark.ts";
import { runChild } from "./measure-child.ts";

const PARTS = ["planted", "code", "multi-key", "pass-key"] as const;
/** Keys at each place of each size, codes asked for, constants asked for, and segments of each held-out project. */
const SAMPLES = { passKey: 5, multiKey: 20, planted: 20, segments: 2 };

/** One process that asked for the planted constants with one strategy. */
export const AskedPlanted = v.object({
  tokens: v.number(),
  right: v.array(v.boolean()),
  /** Of each question, text that is read for it included; the first one loads what the strategy needs and brings its memory up. */
  seconds: v.array(v.object({ firstToken: v.number(), end: v.number() })),
  bytes: v.object({
    /** What the strategy keeps in the store; text, words and names of blocks, which all have, aside. */
    disk: v.number(),
    /** What a question reads as memory: keys and values in the window, sums, or a bank. */
    memory: v.number(),
    /** Of the process after the questions, weights and all. */
    rss: v.number(),
  }),
});
export type AskedPlanted = v.InferOutput<typeof AskedPlanted>;

interface StrategyRow {
  /** Shares of right answers, by size and place. */
  passKey?: Record<string, Record<string, Estimate>>;
  multiKey?: Estimate;
  planted?: Estimate;
  code?: CodeFigures;
  /** About the planted folder: the first question, and the means of the others. */
  seconds?: { firstQuestion: number; firstToken: Estimate; end: Estimate };
  bytes?: AskedPlanted["bytes"];
}

interface StrategiesResult {
  rows: Record<Compared, StrategyRow>;
  /** Without anything before the local window. */
  codeWithNothing?: CodeFigures;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<StrategiesResult> {
  const { limit = Infinity } = options;
  const most = (samples: number) => Math.min(samples, limit);
  const named = partsOf(options, [...PARTS, ...COMPARED]);
  const parts = new Set(ofThose(PARTS, named));
  const compared = ofThose(COMPARED, named);
  const rows: StrategiesResult["rows"] = { infllm: {}, infini: {}, longmem: {}, plain: {} };
  const fill = (figures: (strategy: Compared) => StrategyRow) => {
    for (const strategy of compared) Object.assign(rows[strategy], figures(strategy));
  };
  // Processes of their own, and this one holds no model yet: their times are compared.
  if (parts.has("planted")) fill((strategy) => askPlanted(options, strategy, most(SAMPLES.planted)));
  const result: StrategiesResult = { rows };
  const session = await openEval(options);
  try {
    if (parts.has("code")) {
      const code = await strategyCode(session, options, most(SAMPLES.segments));
      fill((strategy) => ({ code: code[strategy] }));
      result.codeWithNothing = code.none;
    }
    if (parts.has("multi-key")) {
      const right = await multiKey(session, options, compared, most(SAMPLES.multiKey));
      fill((strategy) => ({ multiKey: right[strategy] }));
    }
    if (parts.has("pass-key")) {
      const right = await passKeys(session, options, compared, most(SAMPLES.passKey));
      const found = (strategy: Compared) =>
        mapValues(right, (places) => mapValues(places, (shares) => shares[strategy]));
      fill((strategy) => ({ passKey: found(strategy) }));
    }
    return result;
  } finally {
    await session.close();
  }
}

/** All where none is named: parts and strategies are named apart from each other. */
function ofThose<T extends string>(all: readonly T[], named: ReadonlySet<string>): readonly T[] {
  const some = all.filter((name) => named.has(name));
  return some.length > 0 ? some : all;
}

function askPlanted(
  { dataDir, modelPath, threads, tell }: BenchOptions,
  strategy: Compared,
  count: number,
): StrategyRow {
  const args = [dataDir, modelPath, String(threads), strategy, String(count)];
  const asked = runChild("measure-strategy.ts", args, AskedPlanted);
  tell(`${strategy}, planted constants: ${JSON.stringify(asked)}`);
  const [first, ...others] = asked.seconds;
  return {
    planted: proportion(asked.right),
    seconds: {
      firstQuestion: first?.end ?? 0,
      firstToken: mean(others.map(({ firstToken }) => firstToken)),
      end: mean(others.map(({ end }) => end)),
    },
    bytes: asked.bytes,
  };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
