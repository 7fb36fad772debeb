import { expect, test } from "vitest";
import { type FusedScore, fuseScores } from "../../engine/retrieval/fuse-scores.ts";
import type { LexicalHit } from "../../engine/retrieval/lexical-index.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

/** Hits as the lexical index gives them, of exact words alone. */
function hits(coverage: ReadonlyMap<number, number>): LexicalHit[] {
  return [...coverage].map(([blockId, share]): LexicalHit => {
    return { blockId, score: 9 * share, coverage: share, formCoverage: share, pairCoverage: 0 };
  });
}

function scores(count: number, random: () => number, share = 1): Map<number, number> {
  const all = Array.from({ length: count }, (_, id) => [id, random()] as const);
  return new Map(all.filter(() => random() < share));
}

/** Ids, best first. */
function order(fused: readonly FusedScore[]): number[] {
  return fused.toSorted((a, b) => b.score - a.score || a.id - b.id).map(({ id }) => id);
}

const ids = (count: number) => Array.from({ length: count }, (_, id) => id);

test("every block has a score, in the order that blocks were given in", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const count = 1 + randomInteger(random, 40);
    const states = [scores(count, random), scores(count, random, 0.7)];
    const fused = fuseScores(ids(count), hits(scores(count, random, 0.4)), states);
    expect(fused.map(({ id }) => id)).toEqual(ids(count));
    for (const { score, words, states: said } of fused) expect(score).toBeCloseTo(words + said, 9);
  }
});

test("the ranking hangs on neither the unit nor the zero of what the states say", () => {
  const random = seededRandom(4);
  const [words, states] = [scores(30, random), scores(30, random)];
  const moved = new Map([...states].map(([id, score]) => [id, score * 250 - 8]));
  const before = fuseScores(ids(30), hits(words), [states]);
  const after = fuseScores(ids(30), hits(words), [moved]);
  expect(order(after)).toEqual(order(before));
  for (const [i, { score }] of after.entries()) expect(score).toBeCloseTo(before[i]?.score ?? NaN, 9);
});

test("words that cover the question outweigh the states, which decide where words are few or silent", () => {
  const states = new Map([
    [0, 1],
    [1, 1],
    [2, 9],
  ]);
  expect(order(fuseScores(ids(3), hits(new Map([[1, 0.8]])), [states]))[0]).toBe(1);
  expect(order(fuseScores(ids(3), hits(new Map([[1, 0.05]])), [states]))[0]).toBe(2);
  expect(order(fuseScores(ids(3), [], [states]))[0]).toBe(2);
  expect(order(fuseScores(ids(3), hits(new Map([[1, 0.05]])), []))).toEqual([1, 0, 2]);
});

test("a signal that says the same of all blocks says nothing, and none is no number's fault", () => {
  const level = new Map(ids(4).map((id) => [id, 7]));
  expect(fuseScores(ids(4), [], [level]).every(({ score }) => score === 0)).toBe(true);
  expect(fuseScores([], [], [new Map()])).toEqual([]);
});

test("a block whose entry is still to come stands at the mean", () => {
  const some = new Map([
    [0, -4],
    [1, 4],
  ]);
  expect(order(fuseScores(ids(3), [], [some]))).toEqual([1, 2, 0]);
});

test("of two blocks with the same words, the one that has them side by side goes first", () => {
  const [apart, together] = hits(
    new Map([
      [0, 0.7],
      [1, 0.6],
    ]),
  );
  const found = [apart, together && { ...together, pairCoverage: 0.5 }].flatMap((hit) => hit ?? []);
  expect(order(fuseScores(ids(2), found, []))).toEqual([1, 0]);
});
