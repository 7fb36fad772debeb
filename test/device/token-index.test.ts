import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DeviceTokenIndex } from "../../engine/retrieval/device-token-index.ts";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex } from "../../engine/retrieval/token-index.ts";
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
