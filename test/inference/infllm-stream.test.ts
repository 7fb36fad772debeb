import { expect, onTestFinished, test } from "vitest";
import type { KvCodec } from "../../engine/blocks/kv-codec.ts";
import { InfllmStream } from "../../engine/inference/infllm-stream.ts";
import { LayerwiseModel } from "../../engine/inference/layerwise-model.ts";
import { type InfllmSettings, PUBLISHED_SETTINGS } from "../../engine/memory/infllm-window.ts";
import { hiddenStates, largestDifference } from "../support/all-logits.ts";
import { PlainInfllm } from "../support/plain-infllm.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { openTinyModel } from "../support/tiny-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

const small: InfllmSettings = {
  initTokens: 6,
  localTokens: 24,
  blockTokens: 8,
  topBlocks: 2,
  representatives: 3,
  chunkTokens: 16,
};

/** Keeps numbers as they are: what differs from the oracle is then no codec's rounding. */
const exactCodec: KvCodec = {
  id: 0,
  layerBytes: (tokens, channels) => 8 * tokens * channels,
  encode({ keys, values, row, tokens, channels }, bytes, at) {
    const copy = new Float32Array(bytes, at, 2 * tokens * channels);
    copy.set(keys.subarray(row * channels, (row + tokens) * channels));
    copy.set(values.subarray(row * channels, (row + tokens) * channels), tokens * channels);
  },
  decode(bytes, at, { keys, values, row, tokens, channels }) {
    const size = tokens * channels;
    keys.set(new Float32Array(bytes, at, size), row * channels);
    values.set(new Float32Array(bytes, at + 4 * size, size), row * channels);
  },
};

async function open(architecture = "llama", positions = 512): Promise<LayerwiseModel> {
  const layerwise = await LayerwiseModel.open(await openTinyModel(architecture, positions), 1);
  onTestFinished(() => layerwise.close());
  return layerwise;
}

/** `tokens` cut into chunks of random lengths. */
function* chunks(tokens: Int32Array, seed: number): Generator<Int32Array> {
  const random = seededRandom(seed);
  for (let from = 0; from < tokens.length;) {
    const length = 1 + randomInteger(random, small.chunkTokens);
    yield tokens.subarray(from, from + length);
    from += length;
  }
}

test("a stream that fits the local window is plain attention", async () => {
  const layerwise = await open("llama", 2048);
  const tokens = randomTokens(700, 5);
  const stream = InfllmStream.create(layerwise);
  const last = await stream.read(tokens);
  const { hidden } = layerwise.config;
  const whole = (await hiddenStates(layerwise.model, tokens)).slice(-hidden);
  expect(stream.blocks).toBe(0);
  const [streamed, plain] = [await layerwise.model.logits(last), await layerwise.model.logits(whole)];
  expect(largestDifference(streamed, plain)).toBeLessThan(1e-3);
});

test.each(["llama", "qwen3"])(
  "%s: chunks of any length are encoded, looked up for and remembered as the slow way does it",
  async (architecture) => {
    const layerwise = await open(architecture);
    const [stream, plain] = [InfllmStream.create(layerwise, small, exactCodec), new PlainInfllm(layerwise, small)];
    const { hidden } = layerwise.config;
    for (const chunk of chunks(randomTokens(160, 11), 3)) {
      const found = await stream.lookUp(chunk);
      const expected = (await plain.step(chunk)).slice(-hidden);
      expect(found.map(({ chosen }) => chosen.toSorted((a, b) => a - b))).toEqual(plain.chosen);
      expect(largestDifference(await stream.read(chunk), expected)).toBeLessThan(1e-3);
    }
    expect(stream.blocks).toBeGreaterThan(10);
  },
);

test("a block is represented by the mean key of its most attended tokens, head by head", async () => {
  const layerwise = await open();
  const [stream, plain] = [InfllmStream.create(layerwise, small, exactCodec), new PlainInfllm(layerwise, small)];
  const tokens = randomTokens(30, 2);
  for (let from = 0; from < tokens.length; from += 15) {
    await stream.read(tokens.subarray(from, from + 15));
    await plain.step(tokens.subarray(from, from + 15));
  }
  // Tokens 6 to 14 are where block 0 will be, and are still pending.
  for (const [layer, vector] of stream.representatives(6, 14).entries()) {
    expect(largestDifference(vector, plain.representative(layer, 6, 14))).toBeLessThan(1e-4);
  }
  expect(() => stream.representatives(0, 6)).toThrow(/block already/);
});

test("equal streams give equal bits; int8 blocks change them a little; asking changes nothing", async () => {
  const layerwise = await open();
  const tokens = randomTokens(200, 8);
  const question = randomTokens(9, 1);
  const streams = [small, small].map((settings) => InfllmStream.create(layerwise, settings));
  const exact = InfllmStream.create(layerwise, small, exactCodec);
  for (const stream of [...streams, exact]) await stream.read(tokens);
  const answers: number[][] = [];
  for (const stream of streams) {
    const answer: number[] = [];
    for await (const token of stream.ask(question, { maxTokens: 5 })) answer.push(token);
    answers.push(answer);
  }
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]).toHaveLength(5);
  const [first, second, reference] = await Promise.all([...streams, exact].map((stream) => stream.read(question)));
  expect(largestDifference(first ?? [], second ?? [])).toBe(0);
  const rounding = largestDifference(first ?? [], reference ?? []);
  expect(rounding).toBeGreaterThan(0);
  expect(rounding).toBeLessThan(0.2);
});

test("the memory of a stream is what its blocks take, and settings must fit the model's positions", async () => {
  const layerwise = await open();
  const stream = InfllmStream.create(layerwise, small);
  await stream.read(randomTokens(100, 3));
  // 100 tokens less 6 initial and at least 24 local ones: 8 blocks, which begin behind the initial tokens.
  expect(stream.blocks).toBe(8);
  expect(stream.blockStart(2)).toBe(22);
  const { layers, heads, kvHeads, headDim } = layerwise.config;
  const channels = kvHeads * headDim;
  const block = 4 * (channels + 8 * Math.ceil(channels / 64)) + 2 * 8 * channels + 4 * heads * headDim;
  expect(stream.bytes).toBe(layers * 8 * block);
  expect(() => InfllmStream.create(layerwise, PUBLISHED_SETTINGS)).toThrow(/positions/);
});
