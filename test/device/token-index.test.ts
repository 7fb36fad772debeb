import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { DeviceTokenIndex } from "../../engine/retrieval/device-token-index.ts";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex } from "../../engine/retrieval/token-index.ts";
import { DeviceFull, DeviceLost } from "../../engine/runtime/device-lost.ts";
import { Session } from "../../engine/runtime/session.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";

const LAYERS = 2;

function entry(random: () => number): Uint8Array {
  const tokens = 1 + randomInteger(random, 128);
  const layer = () => Int8Array.from({ length: tokens * PROJECTED }, () => randomInteger(random, 15) - 7);
  return packEntry(Array.from({ length: LAYERS }, layer));
}

function question(tokens: number, random: () => number) {
  return {
    queries: Float32Array.from({ length: tokens * PROJECTED }, () => random() * 2 - 1),
    weights: new Float32Array(tokens).fill(1 / tokens),
  };
}

beforeAll(checkSwiftShader);

// On the CPU, too: the way that blocks are laid out in graphs is the same there, and many of them take no time.
describe.each([
  { provider: "cpu" as const, blocks: 2_100, isHere: true },
  { provider: "webgpu" as const, blocks: 70, isHere: HAS_SWIFTSHADER },
])("the token index on $provider", ({ provider, blocks, isHere }) => {
  test.skipIf(!isHere)("scores as the CPU's index does, whatever came and went", async () => {
    const random = seededRandom(5);
    const index = await TokenIndex.open(LAYERS, 1);
    const device = new DeviceTokenIndex(index, 1, provider);
    onTestFinished(async () => {
      await device.close();
      await index.close();
    });
    const check = async () => {
      const asked = Array.from({ length: LAYERS }, () => question(1 + randomInteger(random, 30), random));
      const [expected, got] = [await index.score(asked), await device.score(asked)];
      for (const [layer, scores] of expected.entries()) {
        expect(got[layer]?.size).toBe(scores.size);
        for (const [block, score] of scores) expect(got[layer]?.get(block)).toBeCloseTo(score, 4);
      }
    };
    await check();
    for (let block = 0; block < blocks; block++) index.add(block, entry(random));
    await check();
    const bytes = device.bytes;
    for (const block of [3, 5, blocks - 1]) index.remove(block);
    index.add(blocks, entry(random));
    await check();
    expect(device.bytes).toBe(bytes);
  });
});

test("a device without room for all of an index is left alone, and has none of it", async () => {
  const random = seededRandom(6);
  const index = await TokenIndex.open(LAYERS, 1);
  const device = new DeviceTokenIndex(index, 1, "cpu");
  onTestFinished(async () => {
    await device.close();
    await index.close();
  });
  for (let block = 0; block < 1_024; block++) index.add(block, entry(random));
  const asked = Array.from({ length: LAYERS }, () => question(5, random));
  expect((await device.score(asked))[0]?.size).toBe(1_024);
  expect(device.bytes).toBeGreaterThan(0);
  for (let block = 1_024; block < 1_100; block++) index.add(block, entry(random));
  // The graph of what is new does not fit beside the first one.
  const opened = vi.spyOn(Session, "open").mockRejectedValueOnce(new DeviceLost("no memory"));
  onTestFinished(() => opened.mockRestore());
  await expect(device.score(asked)).rejects.toThrow(DeviceFull);
  expect(device.bytes).toBe(0);
  await expect(device.score(asked)).rejects.toThrow(DeviceFull);
  expect(opened).toHaveBeenCalledTimes(1);
  expect((await index.score(asked))[0]?.size).toBe(1_100);
});
