import { expect, onTestFinished, test } from "vitest";
import { LongMemModel } from "../../engine/inference/longmem-state.ts";
import { LayerwiseModel } from "../../engine/inference/layerwise-model.ts";
import { AttentionWindow } from "../../engine/inference/attention-window.ts";
import type { BankBlock } from "../../engine/memory/memory-bank.ts";
import { hiddenStates, largestDifference } from "../support/all-logits.ts";
import { bankOf, segmentStates } from "../support/longmem-banks.ts";
import { openLongMemGolden } from "../support/longmem-golden.ts";

async function open() {
  const golden = await openLongMemGolden();
  const { model, weights, prefix, question, segments } = golden;
  const longMem = await LongMemModel.open(model, weights, 1);
  onTestFinished(() => longMem.close());
  const states = await segmentStates(model, prefix, segments, weights.bankLayer);
  const begin = async (blocks: readonly BankBlock[]) => {
    const state = longMem.begin(bankOf(model, weights, blocks).feeds());
    await state.read(prefix);
    return state;
  };
  const logitsWith = async (blocks: readonly BankBlock[]) => model.logits(await (await begin(blocks)).hidden(question));
  return { ...golden, longMem, states, begin, logitsWith };
}

test("the engine's logits are PyTorch's, over a filled bank and over an empty one", async () => {
  const { states, logits, logitsWith } = await open();
  const range = Math.max(...logits.full) - Math.min(...logits.full);
  expect(largestDifference(await logitsWith(states), logits.full) / range).toBeLessThan(1e-4);
  expect(largestDifference(await logitsWith([]), logits.plain) / range).toBeLessThan(1e-4);
  expect(largestDifference(logits.full, logits.plain) / range).toBeGreaterThan(0.05);
});

test("with an empty bank, and side layers that are switched off, the logits are the backbone's", async () => {
  const { model, weights, prefix, question, states } = await open();
  const zeros = (values: Float32Array) => new Float32Array(values.length);
  const layers = weights.layers.map((layer) => ({
    ...layer,
    attentionScale: zeros(layer.attentionScale),
    feedForwardScale: zeros(layer.feedForwardScale),
  }));
  const silent = await LongMemModel.open(model, { ...weights, layers }, 1);
  onTestFinished(() => silent.close());
  const logitsOf = async (blocks: readonly BankBlock[]) => {
    const state = silent.begin(bankOf(model, weights, blocks).feeds());
    await state.read(prefix);
    return model.logits(await state.hidden(question));
  };
  const all = await model.logits(await hiddenStates(model, Int32Array.from([...prefix, ...question])));
  const plain = all.subarray(prefix.length * model.config.vocabulary);
  expect(largestDifference(await logitsOf([]), plain)).toBeLessThan(1e-3);
  expect(largestDifference(await logitsOf(states), plain)).toBeGreaterThan(0.1);
});

test("each query of each head gets the chunks whose mean key has the largest product with it", async () => {
  const { model, longMem, weights, states, question } = await open();
  const { heads, kvHeads, headDim } = model.config;
  const group = heads / kvHeads;
  const bank = bankOf(model, weights, states);
  const side = new AttentionWindow({ ...model.config, layers: weights.layers.length }, model.rope, 0);
  const { rows } = await longMem.run(question, { backbone: model.window(0), side }, bank.feeds());
  const queries = await queriesOf(longMem, question);
  const found = weights.retrieved / weights.chunk;
  const chunks = chunkMeans(states, weights.chunk, kvHeads, headDim);
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    for (let row = 0; row < question.length * group; row++) {
      const [token, head] = [Math.floor(row / group), kvHead * group + (row % group)];
      const query = queries.subarray((token * heads + head) * headDim, (token * heads + head + 1) * headDim);
      const scores = chunks.map((means) => dot(query, means[kvHead] ?? new Float32Array(0)));
      const best = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, found);
      const at = (kvHead * question.length * group + row) * weights.retrieved;
      const own = Array.from(rows.subarray(at, at + weights.retrieved), Number);
      const expected = best.flatMap((chunk) =>
        Array.from({ length: weights.chunk }, (_, i) => chunk * weights.chunk + i),
      );
      expect(own.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
    }
  }
});

test("a bank with less than a query may get gives what it has", async () => {
  const { states, begin, logitsWith } = await open();
  const [first] = states.filter(({ tokens }) => tokens < 20);
  if (!first) throw new Error("No segment is short");
  const state = await begin([first]);
  const { attention } = await state.decode(7);
  const weights = attention?.weights.get(2);
  const paid = weights?.filter((weight) => weight > 0).length ?? 0;
  expect(paid).toBeGreaterThan(0);
  // Padding gets nothing.
  const width = attention?.width ?? 0;
  expect(weights?.some((weight, i) => i % width >= first.tokens && weight > 0)).toBe(false);
  expect(largestDifference(await logitsWith([first]), await logitsWith([]))).toBeGreaterThan(0);
});

test("token by token, and after going back, the same is read as at once", async () => {
  const { model, question, states, begin, prefix, logitsWith } = await open();
  const whole = (await logitsWith(states)).slice(-model.config.vocabulary);
  const state = await begin(states);
  await state.read(question.subarray(0, 9));
  state.mark();
  await state.read(Int32Array.of(5, 6, 7));
  state.rewind();
  let last = new Float32Array(0);
  for (const token of question.subarray(9)) last = new Float32Array((await state.decode(token)).logits);
  expect(state.length).toBe(prefix.length + question.length);
  expect(largestDifference(last, whole)).toBeLessThan(1e-3);
});

/** The backbone's un-rotated queries of the bank's layer, [tokens, heads * headDim], by its own graph. */
async function queriesOf(longMem: LongMemModel, tokens: Int32Array): Promise<Float32Array> {
  const { model, weights } = longMem;
  const layerwise = await LayerwiseModel.open(model, 1);
  onTestFinished(() => layerwise.close());
  let queries = new Float32Array(0);
  const { heads, headDim, kvHeads } = model.config;
  await layerwise.run(tokens, async (layer, rows) => {
    if (layer === weights.bankLayer) queries = new Float32Array(rows.query);
    const count = tokens.length;
    const width = kvHeads * headDim;
    const bias = new Float32Array(count * (count + 1)).fill(-1e9);
    for (let row = 0; row < count; row++) bias.fill(0, row * (count + 1) + 1, row * (count + 1) + row + 2);
    const far = { farKeys: new Float32Array(width), farValues: new Float32Array(width), farPosition: 0 };
    const inputs = { query: rows.query, nearKeys: rows.keys, nearValues: rows.values, ...far, bias, position: 0 };
    return layerwise.attend(inputs);
  });
  expect(queries).toHaveLength(tokens.length * heads * headDim);
  return queries;
}

/** Mean keys by chunk and KV head; no chunk has tokens of two blocks. */
function chunkMeans(blocks: readonly BankBlock[], chunk: number, kvHeads: number, headDim: number): Float32Array[][] {
  return blocks.flatMap(({ keys, tokens }) =>
    Array.from({ length: Math.ceil(tokens / chunk) }, (_, c) => {
      const own = Array.from({ length: Math.min(chunk, tokens - c * chunk) }, (_unused, i) => c * chunk + i);
      return Array.from({ length: kvHeads }, (_unused, head) =>
        Float32Array.from({ length: headDim }, (_i, d) =>
          own.reduce((sum, token) => sum + (keys[(token * kvHeads + head) * headDim + d] ?? 0) / own.length, 0),
        ),
      );
    }),
  );
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
