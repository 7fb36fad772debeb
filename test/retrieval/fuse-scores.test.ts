import { expect, test } from "vitest";
import { fuseScores } from "../../engine/retrieval/fuse-scores.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

function scores(count: number, random: () => number, share = 1): Map<number, number> {
  const all = Array.from({ length: count }, (_, id) => [id, random() * 9] as const);
  return new Map(all.filter(() => random() < share));
}

const ids = (count: number) => Array.from({ length: count }, (_, id) => id);

test("every block is ranked once, best first, equal ones by id", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const count = 1 + randomInteger(random, 40);
    const ranked = fuseScores(ids(count), scores(count, random, 0.4), scores(count, random));
    expect(ranked.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids(count));
    for (const [i, { id, score }] of ranked.entries()) {
      const next = ranked[i + 1];
      if (next) expect(score > next.score || (score === next.score && id < next.id)).toBe(true);
    }
  }
});

test("the ranking hangs on neither signal's unit nor its zero", () => {
  const random = seededRandom(4);
  const [words, head] = [scores(30, random), scores(30, random)];
  const moved = new Map([...head].map(([id, score]) => [id, score * 250 - 8]));
  const before = fuseScores(ids(30), words, head);
  const after = fuseScores(ids(30), words, moved);
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  for (const [i, { score }] of after.entries()) expect(score).toBeCloseTo(before[i]?.score ?? NaN, 9);
});

test("words outweigh the head, and the head decides where words are silent", () => {
  const words = new Map([[1, 5]]);
  const head = new Map([
    [0, 1],
    [1, 1],
    [2, 9],
  ]);
  expect(fuseScores(ids(3), words, head)[0]?.id).toBe(1);
  expect(fuseScores(ids(3), new Map(), head)[0]?.id).toBe(2);
  expect(fuseScores(ids(3), words, undefined).map(({ id }) => id)).toEqual([1, 0, 2]);
});

test("a signal that says the same of all blocks says nothing, and none is no number's fault", () => {
  const level = new Map(ids(4).map((id) => [id, 7]));
  expect(fuseScores(ids(4), level, level).every(({ score }) => score === 0)).toBe(true);
  expect(fuseScores([], new Map(), new Map())).toEqual([]);
});
