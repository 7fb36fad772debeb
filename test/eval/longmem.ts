/**
 * LongMem through the engine: how well held-out projects are predicted with a bank of what stands before in the same project, with
 * another project's, with an empty one, and by the bare backbone; and how long the search takes. `--limit N` takes N segments of each.
 */
import type { BankBlock } from "../../engine/memory/memory-bank.ts";
import { LongMemModel } from "../../engine/inference/longmem-state.ts";
import { type LongMemWeights, longMemWeights } from "../../engine/memory/longmem-weights.ts";
import { openStrategyWeights } from "../../engine/models/strategy-weights.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { bankOf } from "../support/longmem-banks.ts";
import { nats } from "../support/nats.ts";
import { type Estimate, mean } from "./intervals.ts";
import { LongMemProjects, type HeldOutSegment } from "./longmem-projects.ts";
import { searchTime, type SearchTime } from "./longmem-search.ts";
import { openEval } from "./open-eval.ts";

const SEGMENTS = 8;
const SIZES = [8_192, 16_384, 65_536];

/** What predicts a segment: "backbone", "empty", "own.SIZE" or "other.SIZE". */
type Condition = string;

interface Row {
  project: string;
  tokens: number;
  /** Tokens in the largest bank of its own: a project may have fewer before the segment than a bank takes. */
  bankTokens: number;
  /** Nats a token. */
  nats: Record<Condition, number>;
}

interface SizeResult {
  perplexity: Record<"own" | "other" | "empty" | "backbone", number>;
  /** By how much the perplexity with its own bank is lower, in per cent. */
  lowerThan: Record<"other" | "empty" | "backbone", number>;
  /** Nats a token, means over segments. */
  otherLessOwn: Estimate;
}

interface LongMemResult {
  segments: number;
  tokens: number;
  bySize: Record<number, SizeResult>;
  byProject: Record<string, { bankTokens: number; perplexity: Record<string, number> }>;
  /** Of each head, by side layer, in banks of usual size. */
  gates: Record<string, number[]>;
  search: SearchTime[];
}

/** See the module. */
export async function run(options: BenchOptions): Promise<LongMemResult> {
  const session = await openEval(options);
  const { model, prompt } = session.loaded;
  const weights = longMemWeights(await openStrategyWeights("longmem", model.hash), model.config);
  const longMem = await LongMemModel.open(model, weights, options.threads);
  const bare = await LongMemModel.open(model, switchedOff(weights), options.threads);
  const projects = await LongMemProjects.open(session, options, weights.bankLayer);
  try {
    const natsOf = async (opened: LongMemModel, segment: HeldOutSegment, blocks: readonly BankBlock[]) => {
      const state = opened.begin(bankOf(model, weights, blocks).feeds());
      const before = [...prompt.prefix, ...segment.header];
      const hidden = await state.hidden(Int32Array.from([...before, ...segment.tokens]));
      const rows = hidden.subarray((before.length - 1) * model.config.hidden);
      return nats((part) => model.logits(part), rows, segment.tokens, model.config.hidden);
    };
    const rows: Row[] = [];
    for (const segment of projects.segments(options.limit ?? SEGMENTS)) {
      const found: Row["nats"] = {
        backbone: await natsOf(bare, segment, []),
        empty: await natsOf(longMem, segment, []),
      };
      for (const size of SIZES) {
        found[`own.${size}`] = await natsOf(longMem, segment, await projects.before(segment, size));
        found[`other.${size}`] = await natsOf(longMem, segment, await projects.other(segment, size));
      }
      const all = await projects.before(segment, SIZES.at(-1) ?? 0);
      const bankTokens = all.reduce((sum, { tokens }) => sum + tokens, 0);
      const { project, tokens } = segment;
      rows.push({ project, tokens: tokens.length, bankTokens, nats: found });
      options.tell(`${project}, ${bankTokens} before: ${JSON.stringify(found)}`);
    }
    const search: SearchTime[] = [];
    for (const size of SIZES) search.push(await searchTime(model.config, weights, size, options.threads));
    return { ...summed(rows), gates: gatesOf(weights), search };
  } finally {
    await projects.close();
    await bare.close();
    await longMem.close();
    await session.close();
  }
}

/** Side layers that do nothing: with an empty bank, the backbone as it is. */
function switchedOff(weights: LongMemWeights): LongMemWeights {
  const zeros = (values: Float32Array) => new Float32Array(values.length);
  const layers = weights.layers.map((layer) => ({
    ...layer,
    attentionScale: zeros(layer.attentionScale),
    feedForwardScale: zeros(layer.feedForwardScale),
  }));
  return { ...weights, layers };
}

function summed(rows: readonly Row[]): Pick<LongMemResult, "segments" | "tokens" | "bySize" | "byProject"> {
  const bySize = SIZES.map((size): [number, SizeResult] => {
    const perplexity = {
      own: perplexityOf(rows, `own.${size}`),
      other: perplexityOf(rows, `other.${size}`),
      empty: perplexityOf(rows, "empty"),
      backbone: perplexityOf(rows, "backbone"),
    };
    const lower = (than: number) => 100 * (1 - perplexity.own / than);
    return [
      size,
      {
        perplexity,
        lowerThan: {
          other: lower(perplexity.other),
          empty: lower(perplexity.empty),
          backbone: lower(perplexity.backbone),
        },
        otherLessOwn: mean(rows.map((row) => natsAt(row, `other.${size}`) - natsAt(row, `own.${size}`))),
      },
    ];
  });
  const names = [...new Set(rows.map(({ project }) => project))];
  const byProject = names.map((name) => {
    const own = rows.filter(({ project }) => project === name);
    const conditions = Object.keys(own[0]?.nats ?? {});
    const perplexity = Object.fromEntries(conditions.map((key) => [key, perplexityOf(own, key)]));
    return [name, { bankTokens: Math.min(...own.map((row) => row.bankTokens)), perplexity }] as const;
  });
  const tokens = rows.reduce((sum, row) => sum + row.tokens, 0);
  return {
    segments: rows.length,
    tokens,
    bySize: Object.fromEntries(bySize),
    byProject: Object.fromEntries(byProject),
  };
}

function natsAt({ nats: found }: Row, condition: Condition): number {
  const value = found[condition];
  if (value === undefined) throw new RangeError(`Nothing was measured for ${condition}`);
  return value;
}

/** Over all tokens of the rows. */
function perplexityOf(rows: readonly Row[], condition: Condition): number {
  const tokens = rows.reduce((sum, row) => sum + row.tokens, 0);
  return Math.exp(rows.reduce((sum, row) => sum + natsAt(row, condition) * row.tokens, 0) / tokens);
}

function gatesOf({ layers, firstLayer }: LongMemWeights): Record<string, number[]> {
  const readers = layers.flatMap(({ reader }, i) =>
    reader ? [{ layer: firstLayer + i, gates: [...reader.gate].map((logit) => 1 / (1 + Math.exp(-logit))) }] : [],
  );
  return Object.fromEntries(readers.map(({ layer, gates }) => [layer, gates]));
}
