import { expect, onTestFinished, test, vi } from "vitest";
import type { LayerKv } from "../../engine/blocks/block.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { DeviceWindow } from "../../engine/inference/device-window.ts";
import { windowSizes } from "../../engine/inference/device-windows.ts";
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

interface OpenPair {
  plain: LanguageModel;
  device: LanguageModel;
  graphs: DeviceModel;
  lose: () => void;
  /** What the device said that it had no room for, and that it was lost. */
  said: string[];
}

/** The device's graphs on the CPU: what is tested is which rows are where, and it takes a hundredth of the time. */
async function openPair(): Promise<OpenPair> {
  const [plain, device] = [await openTinyModel("llama", POSITIONS), await openTinyModel("llama", POSITIONS)];
  const { folder, config, attentionHeads: heads } = device;
  const graphs = await DeviceModel.open({ folder, config, heads }, 1, "cpu");
  const said: string[] = [];
  const note = ({ message }: Error) => void said.push(message);
  device.useDevice(graphs, note, note);
  const lose = () => void device.onDevice(() => Promise.reject(new DeviceLost("The GPU failed in work")));
  return { plain, device, graphs, lose, said };
}

/** Reads tokens on both and writes one; both must come to the same. */
async function read({ plain, device }: OpenPair, pair: Pair, count: number): Promise<void> {
  const { length } = pair.plain;
  const tokens = randomTokens(count, length + count);
  const expected = await plain.prefill(pair.plain, tokens, length);
  expect(largestDifference(await device.prefill(pair.device, tokens, length), expected)).toBeLessThan(1e-3);
  const written = await plain.decode(pair.plain, 9, length + count);
  const step = await device.decode(pair.device, 9, length + count);
  expect(largestDifference(step.logits, written.logits)).toBeLessThan(1e-3);
}

function openWindows({ plain, device }: OpenPair, count: number): Pair[] {
  return Array.from({ length: count }, () => ({ plain: plain.window(0), device: device.window(0) }));
}

/** Slots of all windows on a device, from the memory that it says it uses. */
function slotsOf({ graphs, device }: OpenPair, empty: number): number {
  const { layers, kvHeads, headDim } = device.config;
  return (graphs.bytes - empty) / (layers * 2 * kvHeads * headDim * 4);
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
  const opened = await openPair();
  const { device, said } = opened;
  const [one, other] = openWindows(opened, 2);
  if (!one || !other) throw new Error("There are two");
  await read(opened, one, 300);
  await read(opened, other, 300);
  const refused = { times: 0 };
  const undo = giveRoomFor(512, device.config, () => {
    // Once: there is room as soon as the other window is gone.
    if (refused.times++ === 0) undo();
    return Promise.reject(new DeviceLost("The GPU failed in work"));
  });
  await read(opened, other, 300);
  expect(other.device.awayTokens.length).toBeGreaterThan(0);
  expect(device.mostSlots).toBe(1024);
  expect(said).toEqual([]);
  onTestFinished(giveRoomFor(1024, device.config));
  await read(opened, one, 900);
  expect(one.device.awayTokens).toEqual([]);
  expect(new Set(said)).toEqual(new Set(["A window of 1536 tokens, where there is room for 1024"]));
  await read(opened, other, 20);
  expect(other.device.awayTokens.length).toBeGreaterThan(0);
  expect(refused.times).toBe(1);
});

test("a device that is full keeps what it had room for: a window that grows takes others' places, not its own", async () => {
  const opened = await openPair();
  const { graphs, device, said } = opened;
  const empty = graphs.bytes;
  const [one, two, three] = openWindows(opened, 3);
  if (!one || !two || !three) throw new Error("There are three");
  let refused = 0;
  const refuse = () => {
    refused++;
    return Promise.reject(new DeviceLost("The GPU failed in work"));
  };
  onTestFinished(giveRoomFor(2_048, device.config, refuse, () => slotsOf(opened, empty)));
  await read(opened, one, 700);
  await read(opened, two, 700);
  // Refused beside two of 1,024 slots, given beside one.
  await read(opened, three, 300);
  expect([refused, device.mostSlots, slotsOf(opened, empty)]).toEqual([1, 2_048, 1_536]);
  await read(opened, three, 1_000);
  await read(opened, one, 20);
  expect([refused, device.mostSlots, said]).toEqual([1, 2_048, []]);
  for (const { device: window } of [one, three]) expect(window.awayTokens.length).toBeGreaterThan(0);
});

test("a device that has less left than an answer needs is left", async () => {
  const opened = await openPair();
  const { graphs, device, said } = opened;
  const empty = graphs.bytes;
  const [one, two] = openWindows(opened, 2);
  if (!one || !two) throw new Error("There are two");
  await read(opened, one, 300);
  const refuse = () => Promise.reject(new DeviceLost("The GPU failed in work"));
  onTestFinished(giveRoomFor(512, device.config, refuse, () => slotsOf(opened, empty)));
  await read(opened, two, 300);
  expect(said).toEqual(["The GPU failed in work"]);
  expect([device.mostSlots, two.device.awayTokens]).toEqual([Infinity, []]);
});

test.each([
  { what: "is not there", touch: () => Promise.resolve(false) },
  { what: "is refused when it is read", touch: () => Promise.reject(new DeviceLost("The GPU failed in work")) },
])("memory that a device gives in work, and that $what, is refused memory", async ({ touch }) => {
  const opened = await openPair();
  const [one, other] = openWindows(opened, 2);
  if (!one || !other) throw new Error("There are two");
  await read(opened, one, 700);
  const touched = vi.spyOn(DeviceWindow.prototype, "isThere").mockImplementationOnce(touch);
  onTestFinished(() => touched.mockRestore());
  await read(opened, other, 700);
  expect([opened.device.mostSlots, opened.said]).toEqual([1_024, []]);
  expect(other.device.awayTokens.length).toBeGreaterThan(0);
});

test("a short window that follows on a long one has buffers as short as its own", async () => {
  const opened = await openPair();
  const empty = opened.graphs.bytes;
  const [long, ...short] = openWindows(opened, 4);
  if (!long) throw new Error("There are four");
  await read(opened, long, 1_100);
  for (const pair of short.slice(0, 2)) await read(opened, pair, 100);
  expect(slotsOf(opened, empty)).toBe(1_536 + 2 * 512);
  for (const pair of short.slice(2)) await read(opened, pair, 100);
  expect(slotsOf(opened, empty)).toBe(3 * 512);
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
