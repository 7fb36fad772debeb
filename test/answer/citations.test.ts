import { expect, test } from "vitest";
import { AttentionTally } from "../../engine/answer/citations.ts";

function slots(path: string, startLine: number, endLine: number, from: number, to: number) {
  return { block: { id: from, path, startLine, endLine, tokens: to - from, header: 1, segment: 1 }, from, to };
}

/** Attention of one layer with two heads over `width` keys; only head 1 is watched. */
function weights(width: number, watched: Record<number, number>) {
  const all = new Float32Array(2 * width).fill(0.5, 0, width);
  for (const [slot, weight] of Object.entries(watched)) all[width + Number(slot)] = weight;
  return new Map([[4, all]]);
}

const heads = [{ layer: 4, head: 1 }];

test("shares are of the attention that memory got from the watched heads", () => {
  const tally = new AttentionTally([slots("a.ts", 1, 9, 2, 4), slots("b.ts", 5, 8, 4, 6)], heads);
  tally.add(weights(8, { 0: 0.5, 2: 0.1, 3: 0.2, 4: 0.1 }), 8);
  const [first, second] = tally.citations();
  expect(first).toMatchObject({ path: "a.ts", startLine: 1, endLine: 9 });
  expect(first?.score).toBeCloseTo(0.75);
  expect(second?.score).toBeCloseTo(0.25);
});

test("neighbouring blocks are one range, and small shares are not named", () => {
  const all = [slots("a.ts", 1, 9, 2, 3), slots("a.ts", 10, 20, 3, 4), slots("c.ts", 1, 2, 4, 5)];
  const tally = new AttentionTally(all, heads);
  tally.add(weights(6, { 2: 0.5, 3: 0.45, 4: 0.05 }), 6);
  expect(tally.citations()).toHaveLength(1);
  expect(tally.citations()[0]).toMatchObject({ path: "a.ts", startLine: 1, endLine: 20 });
});

test("an answer that attended to no block cites none", () => {
  expect(new AttentionTally([], heads).citations()).toEqual([]);
  const tally = new AttentionTally([slots("a.ts", 1, 9, 2, 4)], heads);
  tally.add(weights(8, {}), 8);
  expect(tally.citations()).toEqual([]);
});

test("a sentence's sources are what chose its tokens: the step before each", () => {
  const tally = new AttentionTally([slots("a.ts", 1, 9, 2, 4), slots("b.ts", 5, 8, 4, 6)], heads);
  const [a, b] = [weights(8, { 2: 0.4 }), weights(8, { 5: 0.4 })];
  const text = " Ab. Cd.";
  // Nothing was measured before the first token: its own step stands in.
  tally.wrote(0, 3);
  tally.add(a, 8);
  tally.wrote(3, 4);
  tally.add(b, 8);
  tally.wrote(4, 7);
  tally.add(b, 8);
  tally.wrote(7, 8);
  tally.add(a, 8);
  const found = tally.sentences(text, 1, text.length);
  expect(found.map(({ start, end }) => [start, end])).toEqual([
    [0, 3],
    [4, 7],
  ]);
  expect(found.map(({ blocks }) => blocks.map(({ path }) => path))).toEqual([["a.ts"], ["b.ts"]]);
  expect(Array.from(tally.slotShares, (share) => Math.round(share * 10))).toEqual([0, 0, 8, 0, 0, 8]);
});

test("what is given and not generated has no source", () => {
  const tally = new AttentionTally([slots("a.ts", 1, 9, 2, 4)], heads);
  tally.wrote(0, 3);
  tally.add(weights(8, { 2: 0.4 }), 8);
  tally.interrupt();
  const text = "Ab. Given here. It is.";
  tally.wrote(16, 19);
  tally.add(weights(8, {}), 8);
  tally.wrote(19, 22);
  const found = tally.sentences(text, 0, text.length);
  expect(found.map(({ start, end }) => text.slice(start, end))).toEqual(["Ab."]);
});
