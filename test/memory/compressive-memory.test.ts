import { expect, onTestFinished, test } from "vitest";
import { writeInfiniEntries, type WriteRule } from "../../engine/graph/infini-graph.ts";
import { CompressiveMemory, ShareMaker } from "../../engine/memory/compressive-memory.ts";
import { trailFeeds } from "../../engine/memory/infini-weights.ts";
import { floats, floatTensor, Session } from "../../engine/runtime/session.ts";
import { largestDifference } from "../support/all-logits.ts";
import { openInfiniGolden } from "../support/infini-golden.ts";
import { seededRandom } from "../support/random.ts";

const LAYER = 1;

async function open(rule: WriteRule) {
  const { model, weights } = await openInfiniGolden();
  const session = await Session.open(writeInfiniEntries(model.config, rule), { threads: 1 });
  onTestFinished(() => session.close());
  const layer = weights.layers.get(LAYER);
  if (!layer) throw new Error("The golden weights lack a layer");
  return { config: model.config, weights, layer, session };
}

function rows(count: number, width: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count * width }, () => 2 * random() - 1);
}

/** x . weight + bias for one row; the weight is [in, out]. */
function mapped(row: readonly number[], weight: Float32Array, bias: Float32Array): number[] {
  return [...bias].map((start, out) =>
    row.reduce((sum, value, i) => sum + value * (weight[i * bias.length + out] ?? 0), start),
  );
}

test("what a query reads is causal linear attention over the past segments", async () => {
  const { config, weights, layer } = await open("linear");
  const { kvHeads, headDim } = config;
  const width = kvHeads * headDim;
  const shares = await ShareMaker.open(config, weights, 1);
  onTestFinished(() => shares.close());
  const memory = new CompressiveMemory(shares.layers, config);
  const values = (name: string) => floats(layer.write, name);
  const entries: { key: number[]; value: number[] }[] = [];
  for (const [seed, tokens] of [9, 2, 14].entries()) {
    const [keys, vectors] = [rows(tokens, width, seed), rows(tokens, width, seed + 50)];
    const only = (own: Float32Array) =>
      Array.from({ length: config.layers }, (_, at) => (at === LAYER ? own : new Float32Array(own.length)));
    const kv = { keys: only(keys), values: only(vectors) };
    memory.add(await shares.share(kv, tokens, config), 1);
    const [means, scales] = [values("kv_mean"), values("kv_scale")];
    const state = (t: number) =>
      [...keys.subarray(t * width, (t + 1) * width), ...vectors.subarray(t * width, (t + 1) * width)].map(
        (value, i) => (value - (means[i] ?? 0)) * (scales[i] ?? 0),
      );
    let trail = means.map(() => 0);
    for (let t = 1; t < tokens; t++) {
      const before = state(t - 1);
      const size = Math.sqrt(1 - weights.decay ** 2);
      trail = trail.map((value, i) => value * weights.decay + size * (before[i] ?? 0));
      const key = mapped([...before, ...trail, ...state(t)], values("key_weight"), values("key_bias"));
      const added = mapped(state(t), values("value_weight"), values("value_bias"));
      const value = added.map((v, i) => v + (vectors[t * width + i] ?? 0));
      entries.push({ key: key.map((x) => (x > 0 ? x + 1 : Math.exp(x))), value });
    }
  }
  const feeds = memory.feeds().get(LAYER);
  if (!feeds) throw new Error("The memory lacks a layer");
  const query = rows(1, headDim, 99).map((x) => (x > 0 ? x + 1 : Math.exp(x)));
  for (let head = 0; head < kvHeads; head++) {
    const own = (vector: readonly number[]) => vector.slice(head * headDim, (head + 1) * headDim);
    const scores = entries.map(({ key }) => own(key).reduce((sum, value, i) => sum + value * (query[i] ?? 0), 0));
    const total = scores.reduce((sum, score) => sum + score, 0);
    const expected = Array.from({ length: headDim }, (_, i) =>
      entries.reduce((sum, { value }, at) => sum + ((scores[at] ?? 0) / total) * (own(value)[i] ?? 0), 0),
    );
    const mass = floats(feeds, "mass").subarray(head * headDim, (head + 1) * headDim);
    const matrix = floats(feeds, "matrix").subarray(head * headDim ** 2, (head + 1) * headDim ** 2);
    const found = mass.reduce((sum, value, i) => sum + value * (query[i] ?? 0), 0);
    const read = Array.from(
      { length: headDim },
      (_, i) => query.reduce((sum, q, row) => sum + q * (matrix[row * headDim + i] ?? 0), 0) / found,
    );
    expect(largestDifference(Float32Array.from(read), Float32Array.from(expected))).toBeLessThan(1e-4);
  }
});

test("the delta rule adds nothing for a key whose value is known; the linear rule adds it again", async () => {
  for (const rule of ["delta", "linear"] as const) {
    const { config, weights, layer, session } = await open(rule);
    const width = config.kvHeads * config.headDim;
    const [matrixShape, massShape] = [
      [config.kvHeads, config.headDim, config.headDim],
      [config.kvHeads, config.headDim],
    ];
    // Two tokens make one entry.
    const { trail } = trailFeeds(weights.decay, 2);
    const texts = {
      ...(trail && { trail }),
      keys: floatTensor(rows(2, width, 3), [2, width]),
      values: floatTensor(rows(2, width, 4), [2, width]),
    };
    const write = async (matrix: Float32Array, mass: Float32Array) => {
      const memory = { matrix: floatTensor(matrix, matrixShape), mass: floatTensor(mass, massShape) };
      const outputs = await session.run({ ...layer.write, ...texts, ...(rule === "delta" ? memory : {}) });
      return { matrix: floats(outputs, "added_matrix").slice(), mass: floats(outputs, "added_mass").slice() };
    };
    const first = await write(new Float32Array(width * config.headDim), new Float32Array(width));
    const second = await write(first.matrix, first.mass);
    const size = Math.max(...first.matrix.map(Math.abs));
    expect(size).toBeGreaterThan(0.1);
    const again = Math.max(...second.matrix.map(Math.abs)) / size;
    if (rule === "delta") expect(again).toBeLessThan(1e-5);
    else expect(again).toBeCloseTo(1);
  }
});

test("one token alone has nothing before it, and leaves a memory as it was", async () => {
  const { config, weights } = await open("linear");
  const shares = await ShareMaker.open(config, weights, 1);
  onTestFinished(() => shares.close());
  const kv = { keys: [rows(1, 32, 1)], values: [rows(1, 32, 2)] };
  expect((await shares.share(kv, 1, config)).every((value) => value === 0)).toBe(true);
});
