/** How well held-out code is predicted: with a memory of what stands before it, of another text, with none, and with it as text. */
import type { LoadedModel } from "../../engine/loaded-model.ts";
import { InfiniModel } from "../../engine/inference/infini-state.ts";
import { CompressiveMemory, ShareMaker } from "../../engine/memory/compressive-memory.ts";
import { infiniWeights } from "../../engine/memory/infini-weights.ts";
import { openStrategyWeights } from "../../engine/models/strategy-weights.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { type Estimate, mean } from "./intervals.ts";

/** Tokens of a file that are in memory, in segments of `SEGMENT`, and that are scored behind them. */
const SEGMENT = 480;
const SEGMENTS = 4;
const SCORED = 256;
/** What the comparison with plain attention has before the scored tokens, as text. */
const TEXT = SEGMENTS * SEGMENT;

/** Bits a token, means over files; differences are of the same files. */
export interface CodeBits {
  /** An empty memory: the backbone at the same local window. */
  off: Estimate;
  own: Estimate;
  /** The memory of another project's file: what is better than this is memory, the rest is adaptation. */
  another: Estimate;
  /** All of it as text in the window of the backbone. */
  plain: Estimate;
  offLessOwn: Estimate;
  anotherLessOwn: Estimate;
  perplexity: { off: number; own: number; another: number; plain: number };
}

interface Row {
  header: Int32Array;
  segments: Int32Array[];
  scored: Int32Array;
}

/** Measures up to `most` files, spread over all that are long enough. */
export async function infiniCode(
  { model, prompt, encoder }: LoadedModel,
  { threads, tell }: BenchOptions,
  files: ReadonlyMap<string, string>,
  most: number,
): Promise<CodeBits> {
  const weights = infiniWeights(await openStrategyWeights("infini", model.hash), model.config);
  const shares = await ShareMaker.open(model.config, weights, threads);
  const infini = await InfiniModel.open(model, weights, threads);
  const rows = [...files].flatMap(([path, text]) => rowOf(encoder.header(path), encoder.tokenize(text)));
  const step = Math.max(1, Math.floor(rows.length / most));
  const chosen = rows.filter((_, i) => i % step === 0).slice(0, most);
  const memoryOf = async ({ header, segments }: Row) => {
    const memory = new CompressiveMemory(shares.layers, model.config);
    for (const segment of segments) {
      const tokens = Int32Array.from([...header, ...segment]);
      const positions = Int32Array.from(tokens, (_, i) => encoder.prefix.length + i);
      const { kv } = await model.run(encoder.prefix, tokens, positions);
      const width = model.config.kvHeads * model.config.headDim;
      const behind = (all: Float32Array[]) => all.map((each) => each.subarray(header.length * width));
      const own = { keys: behind(kv.keys), values: behind(kv.values) };
      memory.add(await shares.share(own, segment.length, model.config), 1);
    }
    return memory;
  };
  const scored = async ({ header, scored: tokens }: Row, memory: CompressiveMemory) => {
    const state = await infini.state(prompt.prefix, memory);
    const hidden = await state.hidden(Int32Array.from([...header, ...tokens]));
    return bits(await model.logits(hidden.subarray(header.length * model.config.hidden)), tokens);
  };
  const plain = async ({ header, segments, scored: tokens }: Row) => {
    const window = encoder.prefix.copy(encoder.prefix.length + TEXT + header.length);
    const before = Int32Array.from([...header, ...segments.flatMap((segment) => [...segment])]);
    await model.read(window, before, window.length);
    const positions = Int32Array.from(tokens, (_, i) => window.length + i);
    const { hidden } = await model.run(window, tokens, positions, { hidden: true });
    return bits(await model.logits(hidden), tokens);
  };
  const found: Record<"off" | "own" | "another" | "plain", number>[] = [];
  try {
    const empty = new CompressiveMemory(shares.layers, model.config);
    for (const [i, row] of chosen.entries()) {
      const other = chosen[(i + Math.ceil(chosen.length / 2)) % chosen.length] ?? row;
      const [own, another] = [await memoryOf(row), await memoryOf(other)];
      found.push({
        off: await scored(row, empty),
        own: await scored(row, own),
        another: await scored(row, another),
        plain: await plain(row),
      });
      if (i % 10 === 9) tell(`code: ${i + 1} of ${chosen.length} files`);
    }
  } finally {
    await shares.close();
    await infini.close();
  }
  const of = (pick: (each: (typeof found)[number]) => number) => mean(found.map(pick));
  const means = {
    off: of((each) => each.off),
    own: of((each) => each.own),
    another: of((each) => each.another),
    plain: of((each) => each.plain),
  };
  return {
    ...means,
    offLessOwn: of((each) => each.off - each.own),
    anotherLessOwn: of((each) => each.another - each.own),
    perplexity: {
      off: 2 ** means.off.value,
      own: 2 ** means.own.value,
      another: 2 ** means.another.value,
      plain: 2 ** means.plain.value,
    },
  };
}

function rowOf(header: Int32Array, tokens: Int32Array): Row[] {
  if (tokens.length < TEXT + SCORED) return [];
  const segments = Array.from({ length: SEGMENTS }, (_, i) => tokens.subarray(i * SEGMENT, (i + 1) * SEGMENT));
  return [{ header, segments, scored: tokens.subarray(TEXT, TEXT + SCORED) }];
}

/** Bits a token that the logits give to the tokens that follow, [rows, vocabulary]. */
function bits(logits: Float32Array, tokens: Int32Array): number {
  const vocabulary = logits.length / tokens.length;
  let sum = 0;
  for (let row = 0; row + 1 < tokens.length; row++) {
    const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    const most = own.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = own.reduce((a, b) => a + Math.exp(b - most), 0);
    sum += Math.log2(total) - ((own[tokens[row + 1] ?? 0] ?? 0) - most) / Math.LN2;
  }
  return sum / (tokens.length - 1);
}
