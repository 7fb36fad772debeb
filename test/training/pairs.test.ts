import { afterAll, expect, test } from "vitest";

import { DefinitionFinder } from "../../engine/ingest/definition-finder.ts";
import type { PairSet } from "../../engine/training/pair-set.ts";
import { minePairs } from "../../engine/training/pairs.ts";
import type { SourceFile } from "../../engine/training/sources.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";

const finder = new DefinitionFinder(() => undefined);
afterAll(() => finder.rest());

const FILES: Record<string, string> = {
  "a.ts": `/** Copyright of somebody, all rights reserved. */

/**
 * Splits a long line at the last blank before the margin.
 * @param text what is to be folded
 */
export function foldLine(text: string, margin = 72): string[] {
  return text.length > margin ? [text.slice(0, margin), text.slice(margin)] : [text];
}

/** TODO: counts the words of every paragraph at once. */
export function wordCount(text: string): number {
  return text.split(" ").length;
}
`,
  "b.py": `class Shelf:
    """Holds borrowed books until their readers bring them home."""

    def lend(self, book, weeks=3):
        """Gives one volume away and writes down when it must return.

        Never raises.
        """
        self.out[book] = weeks
        return weeks
`,
  "c.go": `package tide

// HighWater computes the hour at which a harbour is deepest.
func HighWater(day int) float64 {
	return 12.4 * float64(day)
}
`,
  "d.rs": `/// Joins neighbouring spans whose colours are equal.
#[inline]
pub fn merge_spans(spans: &[Span]) -> Vec<Span> {
    spans.to_vec()
}
`,
  "e.java": `class Oven {
  /**
   * Heats the chamber slowly until the wanted temperature is reached.
   */
  @Override
  public void preheat(int degrees) {
    this.degrees = degrees;
  }
}
`,
  "f.c": `/* Finds the smallest free slot of a table that is almost full. */
static int
first_gap(const int *table, int length)
{
  return length;
}
`,
};

function sources(files: Record<string, string>, project = "kitchen"): SourceFile[] {
  return Object.entries(files).map(([path, text]) => ({ project, path, text }));
}

async function mine(files: readonly SourceFile[], heldOut: readonly string[] = []): Promise<PairSet> {
  return minePairs(files, new StandInEncoder(), finder, { seed: 1, maxTokens: 20_000, heldOut });
}

const texts = ({ segments }: PairSet): string[] => segments.flatMap(({ segment }) => segment.blocks.map((b) => b.text));

test("comments of every language become questions whose block holds the definition", async () => {
  const set = await mine(sources(FILES));
  const described = set.pairs.filter(({ kind }) => kind === "description");
  const names = ["foldLine", "Shelf", "lend", "HighWater", "merge_spans", "preheat", "first_gap"];
  expect(described.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  for (const { name, positives } of described) expect(texts(set)[positives[0] ?? -1]).toContain(name);
});

test("a question neither says the name nor stands in the code", async () => {
  const set = await mine(sources(FILES));
  const question = (of: string) => set.pairs.find(({ name, kind }) => name === of && kind === "description")?.question;
  expect(question("HighWater")).toMatch(/the hour at which a harbour is deepest/);
  expect(question("HighWater")).not.toMatch(/HighWater/i);
  const code = texts(set).join("");
  expect(code).not.toContain("harbour is deepest");
  expect(code).not.toContain("volume away");
  expect(code).toContain("Copyright"); // it describes nothing, so it stays where it is
  expect(code).toContain("TODO");
});

test("the same seed gives the same pairs, and a sentence counts once", async () => {
  const twice = [...sources(FILES), ...sources(FILES, "copy")];
  const set = await mine(twice);
  expect(set).toEqual(await mine(twice));
  expect(set.pairs.filter(({ project }) => project === "copy")).toEqual([]);
});

test("a project that is held out gives no pairs to learn from, and the budget holds", async () => {
  const text = (i: number) =>
    `// Turns wheel number ${i} of the great machine by hand.\nfunction act${i}(speed) {\n  return ${i};\n}\n`;
  const files = Array.from({ length: 20 }, (_, i) => ({
    project: i % 2 ? "odd" : "even",
    path: `${i}.js`,
    text: text(i),
  }));
  const set = await minePairs(files, new StandInEncoder(), finder, { seed: 1, maxTokens: 600, heldOut: ["odd"] });
  expect(set.tokens).toBeLessThanOrEqual(600);
  expect(set.pairs.length).toBeGreaterThan(2);
  expect(set.pairs.every(({ project, heldOut }) => heldOut === (project === "odd"))).toBe(true);
  expect(set.pairs.every(({ positives }) => positives.every((block) => block < set.blocks))).toBe(true);
});

test("mining ends where it is aborted", async () => {
  const signal = AbortSignal.abort();
  const mining = minePairs(sources(FILES), new StandInEncoder(), finder, { seed: 1, maxTokens: 9_000, signal });
  await expect(mining).rejects.toThrow(/abort/);
});
