import { expect, test } from "vitest";
import { arrange, MOST_BLOCKS, takeWithinBudget } from "../../engine/retrieval/select-blocks.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

function candidates(seed: number, count: number) {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, id) => {
    const header = randomInteger(random, 5);
    return {
      id,
      header,
      path: `f${header}`,
      tokens: 1 + randomInteger(random, 128),
      startLine: randomInteger(random, 900),
    };
  });
}

test("what is taken, with a header a file, never exceeds the budget or the most blocks", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const ranked = candidates(seed, 60);
    const budget = 40 + seed * 7;
    const taken = takeWithinBudget(ranked, budget, () => 14);
    const headers = new Set(taken.map(({ header }) => header)).size;
    expect(taken.reduce((sum, { tokens }) => sum + tokens, 0) + 14 * headers).toBeLessThanOrEqual(budget);
    expect(taken.length).toBeLessThanOrEqual(MOST_BLOCKS);
    expect(taken.map(({ id }) => id)).toEqual(taken.map(({ id }) => id).toSorted((a, b) => a - b));
  }
});

test("the best block is taken when it fits at all", () => {
  const ranked = candidates(5, 20);
  const best = ranked[0]?.tokens ?? 0;
  expect(takeWithinBudget(ranked, best + 14, () => 14)[0]?.id).toBe(0);
});

test("groups keep file order, and the best block's file comes last", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const chosen = candidates(seed, 12);
    const groups = arrange(chosen);
    expect(groups.at(-1)?.header).toBe(chosen[0]?.header);
    expect(groups.flatMap(({ blocks }) => blocks.map(({ id }) => id)).toSorted((a, b) => a - b)).toEqual(
      chosen.map(({ id }) => id),
    );
    for (const { blocks, header } of groups) {
      expect(blocks.every((block) => block.header === header)).toBe(true);
      const lines = blocks.map(({ startLine }) => startLine);
      expect(lines).toEqual(lines.toSorted((a, b) => a - b));
    }
  }
});
