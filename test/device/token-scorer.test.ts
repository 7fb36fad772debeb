import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { packEntry, TokenIndex, type TokenQueries } from "../../engine/retrieval/token-index.ts";
import { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { DeviceFull, DeviceLost } from "../../engine/runtime/device-lost.ts";
import { type Provider, Session } from "../../engine/runtime/session.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";
import { LAYERS, randomBlock, randomEntry, randomQuestion, slowScore } from "../support/token-index.ts";

function open(provider: Provider) {
  const index = new TokenIndex(LAYERS);
  const scorer = new TokenScorer(index, 1, provider);
  onTestFinished(() => scorer.close());
  return { index, scorer };
}

function questions(tokens: number, random: () => number): TokenQueries[] {
  return Array.from({ length: LAYERS }, () => randomQuestion(tokens, random));
}

/** What rounding questions to int8 changes: four deviations of 64 products with codes of at most 7. */
const ROUNDED = 0.3;

/** Asserts that scores are those of the definition, of exactly the blocks that are there. */
function expectScores(
  scores: readonly ReadonlyMap<number, number>[],
  live: ReadonlyMap<number, Int8Array[]>,
  asked: readonly TokenQueries[],
  tolerance = ROUNDED,
): void {
  expect(scores.length).toBe(LAYERS);
  for (const [layer, ofLayer] of scores.entries()) {
    expect([...ofLayer.keys()].toSorted((a, b) => a - b)).toEqual([...live.keys()].toSorted((a, b) => a - b));
    for (const [id, score] of ofLayer) {
      const [stored, query] = [live.get(id)?.[layer], asked[layer]];
      if (!stored || !query) throw new Error("a block was scored that is not there");
      expect(Math.abs(score - slowScore(stored, query))).toBeLessThan(tolerance);
    }
  }
}

beforeAll(checkSwiftShader);

describe.each([
  { provider: "cpu" as const, blocks: 2_100, tolerance: ROUNDED, isHere: true },
  { provider: "webgpu" as const, blocks: 70, tolerance: 1e-3, isHere: HAS_SWIFTSHADER },
])("scores of tokens on $provider", ({ provider, blocks, tolerance, isHere }) => {
  test.skipIf(!isHere)("are those of the definition, whatever came and went before", async () => {
    const random = seededRandom(5);
    const { index, scorer } = open(provider);
    const live = new Map<number, Int8Array[]>();
    const add = (id: number) => {
      const block = randomBlock(random);
      live.set(id, block);
      index.add(id, packEntry(block));
    };
    const remove = (id: number) => {
      live.delete(id);
      index.remove(id);
    };
    const check = async () => {
      const asked = questions(1 + randomInteger(random, 5), random);
      expectScores(await scorer.score(asked), live, asked, tolerance);
    };
    await check();
    for (let block = 0; block < blocks; block++) add(block);
    await check();
    // A few of a graph's blocks go, and one comes back as another.
    for (const block of [3, 5, blocks - 1]) remove(block);
    add(blocks);
    add(5);
    await check();
    // So many go that graphs are made without them.
    for (let block = 0; block < blocks; block += 2) remove(block);
    await check();
    for (const block of live.keys()) remove(block);
    await check();
  });
});

test("few blocks that go leave the other graphs as they are, many have theirs made again", async () => {
  const random = seededRandom(12);
  const { index, scorer } = open("cpu");
  for (let block = 0; block < 2_048; block++) index.add(block, randomEntry(random));
  const asked = questions(3, random);
  await scorer.score(asked);
  const opened = vi.spyOn(Session, "open");
  onTestFinished(() => opened.mockRestore());
  await scorer.score(asked);
  for (let block = 0; block < 200; block++) index.remove(block);
  expect((await scorer.score(asked))[0]?.size).toBe(1_848);
  expect(opened).not.toHaveBeenCalled();
  for (let block = 200; block < 400; block++) index.remove(block);
  expect((await scorer.score(asked))[0]?.size).toBe(1_648);
  expect(opened).toHaveBeenCalledTimes(1);
});

test("of a pasted text, the tokens that weigh most are compared", async () => {
  const random = seededRandom(7);
  const { index, scorer } = open("cpu");
  const stored = randomBlock(random);
  index.add(1, packEntry(stored));
  const long = randomQuestion(300, random);
  const heavy = { ...long, weights: long.weights.map((_, i) => (i % 30 === 7 ? 0.1 : 0)) };
  expectScores(await scorer.score([heavy, heavy]), new Map([[1, stored]]), [heavy, heavy]);
});

test("questions that are asked at once, while blocks come and go, have scores of their own", async () => {
  const random = seededRandom(8);
  const { index, scorer } = open("cpu");
  const live = new Map<number, Int8Array[]>();
  for (let id = 0; id < 100; id++) {
    live.set(id, randomBlock(random));
    index.add(id, packEntry(live.get(id) ?? []));
  }
  const both = [questions(4, random), questions(2, random)];
  const scored = both.map((asked) => scorer.score(asked));
  for (let id = 0; id < 40; id++) {
    live.delete(id);
    index.remove(id);
  }
  for (const [i, asked] of both.entries()) expectScores((await scored[i]) ?? [], live, asked);
});

test("a device without room for all of an index is left alone, and has none of it", async () => {
  const random = seededRandom(6);
  const { index, scorer } = open("cpu");
  for (let block = 0; block < 1_024; block++) index.add(block, randomEntry(random));
  const asked = questions(5, random);
  expect((await scorer.score(asked))[0]?.size).toBe(1_024);
  expect(scorer.bytes).toBeGreaterThan(0);
  for (let block = 1_024; block < 1_100; block++) index.add(block, randomEntry(random));
  // The graph of what is new does not fit beside the first one.
  const opened = vi.spyOn(Session, "open").mockRejectedValueOnce(new DeviceLost("no memory"));
  onTestFinished(() => opened.mockRestore());
  await expect(scorer.score(asked)).rejects.toThrow(DeviceFull);
  expect(scorer.bytes).toBe(0);
  await expect(scorer.score(asked)).rejects.toThrow(DeviceFull);
  expect(opened).toHaveBeenCalledTimes(1);
});
