import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex } from "../../engine/retrieval/token-index.ts";
import { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { type DeviceHoldings, heldOnDevices } from "../../engine/runtime/session.ts";
import { temporaryFolder } from "../support/folder.ts";
import { askOnDevice, ROUND } from "../support/many-questions.ts";
import { seededRandom } from "../support/random.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";
import { LAYERS, randomQuestions } from "../support/token-index.ts";

setFlagsFromString("--expose-gc");
/** Graphs are made of large buffers, which wait to be collected: that is not what stays on a device. */
const collect = v.parse(v.function(), runInNewContext("gc"));
const NOTHING = { sessions: 0, tensors: 0, bytes: 0 };

describe.skipIf(!HAS_SWIFTSHADER)("with a GPU in software", () => {
  beforeAll(checkSwiftShader);

  test("questions of any length leave nothing on a device, nor does a model that is closed", async () => {
    const held: DeviceHoldings[] = [];
    await askOnDevice(temporaryFolder(), 8 * ROUND, (now) => held.push(now));
    // The windows of the first questions are fewer than a device keeps.
    for (let question = ROUND; question < held.length; question++)
      expect({ question, ...held[question] }).toEqual({ question, ...held[ROUND + (question % ROUND)] });
    // Windows come and go in between, and have different sizes.
    expect(new Set(held.map(({ bytes }) => bytes)).size).toBeGreaterThan(2);
    expect(heldOnDevices()).toEqual(NOTHING);
  });

  test("graphs that are made again because a block changed do not stay in the memory of a device", async () => {
    const [blocks, tokens] = [500, 128];
    const codes = new Int8Array(tokens * PROJECTED).fill(3);
    const entry = packEntry(Array.from({ length: LAYERS }, () => codes));
    const index = new TokenIndex(LAYERS);
    const device = new TokenScorer(index, 1, "webgpu");
    for (let block = 0; block < blocks; block++) index.add(block, entry);
    // What keeps the device itself, whose end would free all.
    const other = new TokenScorer(index, 1, "webgpu");
    const asked = randomQuestions(1, seededRandom(1));
    await other.score(asked);
    const sizes: number[] = [];
    for (let change = 0; change < 50; change++) {
      index.remove(change);
      index.add(blocks + change, entry);
      await device.score(asked);
      collect();
      sizes.push(process.memoryUsage.rss());
    }
    // In software a device's memory is the process's.
    const grown = (sizes.at(-1) ?? 0) - (sizes[9] ?? 0);
    expect(grown).toBeLessThan(10 * device.bytes);
    await device.close();
    await other.close();
    expect(heldOnDevices()).toEqual(NOTHING);
  });
});
