import { describe, expect, test } from "vitest";
import { CHUNK_ROWS, PREFILL_ROWS } from "../../engine/graph/attention.ts";
import { decodeLogits, hiddenStates, largestDifference } from "../support/all-logits.ts";
import { openTinyModel } from "../support/tiny-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

// Prefill attends a chunk of rows at a time, decode a token at a time: two ways to the same numbers.
describe.each(["llama", "qwen3"])("%s", (architecture) => {
  test.each([1, CHUNK_ROWS - 1, CHUNK_ROWS + 1, 3 * CHUNK_ROWS, PREFILL_ROWS])(
    "%i tokens in one run have the logits of as many decode steps",
    async (count) => {
      const model = await openTinyModel(architecture);
      const tokens = randomTokens(count, count);
      const read = await model.logits(await hiddenStates(model, tokens));
      expect(largestDifference(read, await decodeLogits(model, [...tokens]))).toBeLessThan(1e-3);
    },
  );

  test("runs behind one another see what the earlier ones left", async () => {
    const model = await openTinyModel(architecture, 1024);
    const tokens = randomTokens(PREFILL_ROWS + 200, 5);
    const read = await model.logits(await hiddenStates(model, tokens));
    expect(largestDifference(read, await decodeLogits(model, [...tokens]))).toBeLessThan(1e-3);
  });
});

test("keys leave the graph un-rotated: the first layer's hang on the token alone, not on where it stands", async () => {
  const model = await openTinyModel();
  const tokens = randomTokens(20, 9);
  const at = (start: number) => Int32Array.from(tokens, (_, i) => start + i);
  const near = await model.run(model.window(0), tokens, at(0));
  const far = await model.run(model.window(0), tokens, at(300));
  expect(largestDifference(near.kv.keys[0] ?? [], far.kv.keys[0] ?? [])).toBe(0);
  // Rope sees distances only: with all of them equal, deeper layers differ by rounding at most.
  for (const layer of [0, 1]) {
    expect(largestDifference(near.kv.keys[layer] ?? [], far.kv.keys[layer] ?? [])).toBeLessThan(1e-4);
    expect(largestDifference(near.kv.values[layer] ?? [], far.kv.values[layer] ?? [])).toBeLessThan(1e-4);
  }
});

test("a run neither changes its window nor sees its unused slots", async () => {
  const model = await openTinyModel();
  const [before, tokens] = [randomTokens(40, 1), randomTokens(30, 2)];
  const tight = model.window(before.length);
  const loose = model.window(before.length + 77);
  for (const window of [tight, loose]) await model.read(window, before, 0);
  const positions = Int32Array.from(tokens, (_, i) => before.length + i);
  const results = [];
  for (const window of [tight, loose]) results.push(await model.run(window, tokens, positions, { hidden: true }));
  expect([tight.length, loose.length]).toEqual([before.length, before.length]);
  expect(largestDifference(results[0]?.hidden ?? [], results[1]?.hidden ?? [])).toBeLessThan(1e-4);
});

test("a run takes at least one token and no more than a graph has rows for", async () => {
  const model = await openTinyModel();
  const run = (count: number) => model.run(model.window(0), new Int32Array(count), new Int32Array(count));
  await expect(run(0)).rejects.toThrow(RangeError);
  await expect(run(PREFILL_ROWS + 1)).rejects.toThrow(RangeError);
});

test("neither prefill nor decode sees closed slots", async () => {
  const model = await openTinyModel();
  const [before, tokens] = [randomTokens(40, 3), randomTokens(30, 4)];
  const positions = Int32Array.from(before, (_, i) => i);
  const { kv } = await model.run(model.window(0), before, positions);
  const closed = model.window(60);
  closed.append(kv, 0, 40, 0);
  closed.close(10, 25);
  const built = model.window(0);
  built.append(kv, 0, 10, 0);
  built.append(kv, 25, 40, 25);
  const prefilled = [];
  for (const window of [closed, built]) prefilled.push(await model.prefill(window.copy(0), tokens, 40));
  expect(largestDifference(prefilled[0] ?? [], prefilled[1] ?? [])).toBeLessThan(1e-4);
  const decoded = [];
  for (const window of [closed, built]) decoded.push((await model.decode(window, 7, 40)).logits);
  expect(largestDifference(decoded[0] ?? [], decoded[1] ?? [])).toBeLessThan(1e-4);
  // Open, the slots count.
  const open = model.window(0);
  open.append(kv, 0, 40, 0);
  expect(largestDifference((await model.decode(open, 7, 40)).logits, decoded[0] ?? [])).toBeGreaterThan(0.01);
});
