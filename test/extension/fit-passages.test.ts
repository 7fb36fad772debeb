import { describe, expect, test } from "vitest";
import { fitPassages } from "../../extension/sharing/fit-passages.ts";

const passages = [
  { path: "a.ts", startLine: 1, endLine: 2, text: "one two three\n" },
  { path: "b.ts", startLine: 5, endLine: 9, text: "x".repeat(400) },
  { path: "c.md", startLine: 1, endLine: 4, text: "```\ncode\n```\n" },
];
const name = ({ path, startLine }: { path: string; startLine: number }) => `${path}:${startLine}`;
const characters = (tokenBudget: number) => ({ tokenBudget, countTokens: async (text: string) => text.length });

describe("passages for a model", () => {
  test("are all given where nobody set a budget, with fences that their text does not hold", async () => {
    const texts = await fitPassages(passages, name, undefined);
    expect(texts[0]).toBe("a.ts:1\n```\none two three\n```\n");
    expect(texts[2]).toBe("c.md:1\n````\n```\ncode\n```\n````\n");
  });

  test("never exceed the budget, and what is too long makes room for what is not", async () => {
    const all = await fitPassages(passages, name, undefined);
    for (let budget = 0; budget < 600; budget += 7) {
      const texts = await fitPassages(passages, name, characters(budget));
      expect(texts.join("").length).toBeLessThanOrEqual(budget);
    }
    const fitted = await fitPassages(passages, name, characters(100));
    expect(fitted).toEqual([all[0], all[2]]);
  });

  test("are places alone where no passage fits", async () => {
    expect(await fitPassages(passages, name, characters(16))).toEqual(["a.ts:1\n", "b.ts:5\n"]);
    expect(await fitPassages(passages, name, characters(0))).toEqual([]);
    expect(await fitPassages([], name, characters(100))).toEqual([]);
  });
});
