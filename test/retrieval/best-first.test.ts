import { expect, test } from "vitest";
import { bestFirst } from "../../engine/retrieval/best-first.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const hit = (id: number, score: number) => ({ score, block: { id } });
const ids = (hits: readonly { block: { id: number } }[]) => hits.map(({ block }) => block.id);

test("the best come first, equal ones by id, and the others stay as they were", () => {
  const hits = [hit(5, 1), hit(4, 3), hit(3, 2), hit(2, 3), hit(1, 0)];
  expect(ids(bestFirst(hits, 3))).toEqual([2, 4, 3, 5, 1]);
  expect(ids(bestFirst(hits, 9))).toEqual([2, 4, 3, 5, 1]);
  expect(ids(bestFirst([], 3))).toEqual([]);
});

test("of any scores, as many are in order as were asked for, and none is lost", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = seededRandom(seed);
    const hits = Array.from({ length: 1 + randomInteger(random, 300) }, (_, id) => hit(id, randomInteger(random, 20)));
    const count = 1 + randomInteger(random, 120);
    const sorted = ids(bestFirst(hits, hits.length));
    const found = ids(bestFirst(hits, count));
    expect(found.slice(0, count)).toEqual(sorted.slice(0, count));
    expect(found.toSorted((a, b) => a - b)).toEqual(ids(hits));
  }
});
