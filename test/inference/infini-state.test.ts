import { expect, onTestFinished, test } from "vitest";
import { InfiniModel } from "../../engine/inference/infini-state.ts";
import { CompressiveMemory, ShareMaker } from "../../engine/memory/compressive-memory.ts";
import { hiddenStates, largestDifference } from "../support/all-logits.ts";
import { openInfiniGolden } from "../support/infini-golden.ts";

async function open() {
  const golden = await openInfiniGolden();
  const { model, weights } = golden;
  const [infini, shares] = [await InfiniModel.open(model, weights, 1), await ShareMaker.open(model.config, weights, 1)];
  onTestFinished(async () => {
    await infini.close();
    await shares.close();
  });
  /** Each segment read alone behind the prefix, as ingestion does. */
  const memoryOf = async (segments: readonly Int32Array[]) => {
    const memory = new CompressiveMemory(shares.layers, model.config);
    const window = model.window(golden.prefix.length);
    await model.read(window, golden.prefix, 0);
    for (const segment of segments) {
      const positions = Int32Array.from(segment, (_, i) => golden.prefix.length + i);
      const { kv } = await model.run(window, segment, positions);
      memory.add(await shares.share(kv, segment.length, model.config), 1);
    }
    return memory;
  };
  const logitsWith = async (memory: CompressiveMemory) => {
    const state = await infini.state(golden.prefix, memory);
    return model.logits(await state.hidden(golden.question));
  };
  return { ...golden, infini, memoryOf, logitsWith };
}

test("the engine's logits are PyTorch's, over a memory of four segments", async () => {
  const { segments, logits, memoryOf, logitsWith } = await open();
  const range = Math.max(...logits) - Math.min(...logits);
  expect(largestDifference(await logitsWith(await memoryOf(segments)), logits) / range).toBeLessThan(1e-4);
});

test("a memory changes what is said, an empty one nothing: the logits are the backbone's", async () => {
  const { model, prefix, question, segments, memoryOf, logitsWith } = await open();
  const all = await model.logits(await hiddenStates(model, Int32Array.from([...prefix, ...question])));
  const plain = all.subarray(prefix.length * model.config.vocabulary);
  expect(largestDifference(await logitsWith(await memoryOf([])), plain)).toBeLessThan(1e-3);
  expect(largestDifference(await logitsWith(await memoryOf(segments)), plain)).toBeGreaterThan(1);
});

test("segments may come in any order, and one that is taken out was never there", async () => {
  const { model, segments, memoryOf, logitsWith } = await open();
  const [first, second, third] = segments;
  if (!first || !second || !third) throw new Error("There are too few segments");
  const turned = await logitsWith(await memoryOf([third, first, second]));
  expect(largestDifference(turned, await logitsWith(await memoryOf([first, second, third])))).toBeLessThan(1e-4);
  const memory = await memoryOf([first, second, third]);
  const share = new Float32Array((await memoryOf([second])).sums);
  memory.add(share, -1);
  const without = await memoryOf([first, third]);
  expect(largestDifference(memory.sums, without.sums)).toBeLessThan(1e-4);
  expect(largestDifference(await logitsWith(memory), await logitsWith(without))).toBeLessThan(1e-4);
  expect(memory.sums).toHaveLength(2 * model.config.kvHeads * model.config.headDim * (model.config.headDim + 1));
});

test("token by token, and after going back, the same is read as at once", async () => {
  const { infini, model, prefix, question, segments, memoryOf, logitsWith } = await open();
  const memory = await memoryOf(segments);
  const whole = (await logitsWith(memory)).slice(-model.config.vocabulary);
  const state = await infini.state(prefix, memory);
  await state.read(question.subarray(0, 9));
  state.mark();
  await state.read(Int32Array.of(5, 6, 7));
  state.rewind();
  let last = new Float32Array(0);
  for (const token of question.subarray(9)) last = new Float32Array((await state.decode(token)).logits);
  expect(state.length).toBe(prefix.length + question.length);
  expect(largestDifference(last, whole)).toBeLessThan(1e-3);
});
