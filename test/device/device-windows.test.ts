import { expect, onTestFinished, test, vi } from "vitest";
import type { LayerKv } from "../../engine/blocks/block.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { DeviceWindow, windowSizes } from "../../engine/inference/device-window.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { DeviceLost } from "../../engine/runtime/device-lost.ts";
import { largestDifference } from "../support/all-logits.ts";
import { giveRoomFor } from "../support/little-memory.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { openTinyModel } from "../support/tiny-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

const POSITIONS = 2048;

/** One text, as the CPU alone has it and as the device does. */
interface Pair {
  plain: AttentionWindow;
  device: AttentionWindow;
}

/** The device's graphs on the CPU: what is tested is which rows are where, and it takes a hundredth of the time. */
async function openPair(): Promise<{ plain: LanguageModel; device: LanguageModel; lose: () => void }> {
  const [plain, device] = [await openTinyModel("llama", POSITIONS), await openTinyModel("llama", POSITIONS)];
  const { folder, config, attentionHeads: heads } = device;
  const graphs = await DeviceModel.open({ folder, config, heads }, 1, "cpu");
  device.useDevice(graphs, () => undefined);
  const lose = () => void device.onDevice(() => Promise.reject(new DeviceLost("The GPU failed in work")));
  return { plain, device, lose };
}

function blockKv({ config }: LanguageModel, rows: number, random: () => number): LayerKv {
  const numbers = () => Float32Array.from({ length: rows * config.kvHeads * config.headDim }, () => random() - 0.5);
  return {
    keys: Array.from({ length: config.layers }, numbers),
    values: Array.from({ length: config.layers }, numbers),
  };
}

test.each([1, 2, 3])(
  "windows hold the same on a device, whatever is done to them and in which order (seed %i)",
  async (seed) => {
    const random = seededRandom(seed);
    const { plain, device, lose } = await openPair();
    // One more than the device keeps, and one that outgrows its first buffers.
    const pairs: Pair[] = [0, 0, 0, 0].map((capacity) => ({
      plain: plain.window(capacity),
      device: device.window(capacity),
    }));
    let compared = 0;
    const both = async (pair: Pair, run: (model: LanguageModel, window: AttentionWindow) => Promise<Float32Array>) => {
      const [expected, got] = [await run(plain, pair.plain), await run(device, pair.device)];
      expect(largestDifference(got, expected)).toBeLessThan(1e-3);
      compared++;
    };
    for (let step = 0; step < 60; step++) {
      const pair = pairs[randomInteger(random, pairs.length)];
      if (!pair) continue;
      const { length } = pair.plain;
      const isHere = pair.device.awayTokens.length === 0;
      const action = randomInteger(random, 8);
      if (action <= 1 && length < 1_500) {
        const tokens = randomTokens(1 + randomInteger(random, action === 0 ? 40 : 300), step);
        await both(pair, (model, window) => model.prefill(window, tokens, length));
      } else if (action <= 3 && length > 0) {
        await both(pair, async (model, window) => (await model.decode(window, 5 + step, length)).logits);
      } else if (action === 4 && length > 20 && isHere) {
        // Only where nothing is away: tokens that are read again see the memory of now, not that of when they were written.
        const from = randomInteger(random, Math.floor(length / 2));
        const kv = blockKv(plain, 4, random);
        for (const window of [pair.plain, pair.device]) {
          if (from + 6 > length - pair.device.awayTokens.length) continue;
          window.replace(from, kv, 0, 4, from);
          window.close(from + 4, from + 6);
        }
      } else if (action === 5 && isHere) {
        const kv = blockKv(plain, 9, random);
        for (const window of [pair.plain, pair.device]) window.append(kv, 0, 9, length);
      } else if (action === 6) {
        const kept = Math.max(0, length - randomInteger(random, 30));
        for (const window of [pair.plain, pair.device]) window.truncate(kept);
      }
      if (step === 50) lose();
    }
    expect(compared).toBeGreaterThan(15);
    // Lost in between: what was written on the device was read again, and nothing is away any more.
    for (const pair of pairs.filter(({ plain: { length } }) => length > 0)) {
      const { length } = pair.plain;
      await both(pair, async (model, window) => (await model.decode(window, 7, length)).logits);
      expect(pair.device.awayTokens).toEqual([]);
    }
  },
);

interface Step {
  attention: ReadonlyMap<number, Float32Array>;
  logits: Float32Array;
  width: number;
}

/** Attention to the first `slots`, added up over the retrieval heads as citations add it up. */
function retrievalSum({ attentionHeads }: LanguageModel, { attention, width }: Step, slots: number): Float64Array {
  const sum = new Float64Array(slots);
  for (const { layer, head } of attentionHeads.retrieval) {
    const weights = attention.get(layer);
    for (let slot = 0; slot < slots; slot++) sum[slot] = (sum[slot] ?? 0) + (weights?.[head * width + slot] ?? 0);
  }
  return sum;
}

test("a device sums attention up over the retrieval heads, and gives back the best logits alone", async () => {
  const { plain, device } = await openPair();
  const step = async (model: LanguageModel): Promise<Step> => {
    const window = model.window(0);
    await model.read(window, randomTokens(50, 9), 0);
    const width = window.capacity + 1;
    return { width, ...(await model.decode(window, 11, window.length, { attention: true, best: true })) };
  };
  const [here, there] = [await step(plain), await step(device)];
  expect(largestDifference(retrievalSum(plain, there, 51), retrievalSum(plain, here, 51))).toBeLessThan(1e-5);
  expect(largestDifference(there.logits, here.logits)).toBeLessThan(1e-3);
});

test("a device that refuses memory in work gives up other windows, then this one, and goes on", async () => {
  const { plain, device } = await openPair();
  const pairs = [0, 0].map((capacity) => ({ plain: plain.window(capacity), device: device.window(capacity) }));
  const [one, other] = pairs;
  if (!one || !other) throw new Error("There are two");
  const read = async (pair: Pair, count: number) => {
    const { length } = pair.plain;
    const tokens = randomTokens(count, length + count);
    const expected = await plain.prefill(pair.plain, tokens, length);
    expect(largestDifference(await device.prefill(pair.device, tokens, length), expected)).toBeLessThan(1e-3);
    const written = await plain.decode(pair.plain, 9, length + count);
    const step = await device.decode(pair.device, 9, length + count);
    expect(largestDifference(step.logits, written.logits)).toBeLessThan(1e-3);
  };
  await read(one, 300);
  await read(other, 300);
  const refused = { times: 0 };
  const undo = giveRoomFor(512, device.config, () => {
    // Once: there is room as soon as the other window is gone.
    if (refused.times++ === 0) undo();
    return Promise.reject(new DeviceLost("The GPU failed in work"));
  });
  await read(other, 300);
  expect(other.device.awayTokens.length).toBeGreaterThan(0);
  expect(device.mostSlots).toBe(1024);
  onTestFinished(giveRoomFor(1024, device.config));
  await read(one, 900);
  expect(one.device.awayTokens).toEqual([]);
  await read(other, 20);
  expect(other.device.awayTokens.length).toBeGreaterThan(0);
  expect(refused.times).toBe(1);
});

test("a device is asked for room size by size, until it has none", async () => {
  const { device } = await openPair();
  const { folder, config, attentionHeads: heads } = device;
  const graphs = await DeviceModel.open({ folder, config, heads }, 1, "cpu");
  const sizes = windowSizes(POSITIONS);
  expect(sizes).toEqual([1024, 1536, 3072, 6144]);
  const granted: number[] = [];
  await graphs.ask(sizes, (slots) => granted.push(slots));
  expect(granted).toEqual(sizes);
  const undo = giveRoomFor(1536, config);
  await graphs.ask(sizes, (slots) => granted.push(slots));
  undo();
  expect(granted).toEqual([...sizes, 1024, 1536]);
  // Memory that is given, and holds something else than what was written there.
  const touched = vi.spyOn(DeviceWindow.prototype, "isThere").mockResolvedValueOnce(true).mockResolvedValueOnce(false);
  await graphs.ask(sizes, (slots) => granted.push(slots));
  touched.mockRestore();
  expect(granted).toEqual([...sizes, 1024, 1536, 1024]);
  const { bytes } = graphs;
  graphs.hold(1536);
  expect(graphs.mostBytes - bytes).toBe(1536 * config.layers * 2 * config.kvHeads * config.headDim * 4);
  await graphs.close();
});
