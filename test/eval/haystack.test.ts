import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/folder.ts";
import { type SourceFile, takeTokens, writeFolder } from "../support/large-folder.ts";
import { seededRandom } from "../support/random.ts";
import { freshNumbers, plant, shuffled, spreadDepths } from "./haystack.ts";

const words = (text: string) => text.split(/\s+/).filter(Boolean).length;
const body = (name: string) =>
  `import os\n\ndef ${name}():\n    return os.name\n\nclass ${name.toUpperCase()}:\n    pass\n`;
const file = (path: string): SourceFile => ({
  path,
  text: body(path.slice(0, 1)),
  tokens: words(body(path.slice(0, 1))),
});
const FILES = ["a.py", "b.py", "c.py", "d.py"].map(file);

const lineOf = (files: readonly SourceFile[], path: string, line: number) =>
  files.find((each) => each.path === path)?.text.split("\n")[line - 1];

test("whole files are taken until they have the tokens, and no more", () => {
  const each = FILES[0]?.tokens ?? 0;
  expect(takeTokens(FILES, each + 1, words).map(({ path }) => path)).toEqual(["a.py", "b.py"]);
  expect(takeTokens(FILES, 2 * each, words)).toHaveLength(2);
  expect(() => takeTokens(FILES, 4 * each + 1, words)).toThrow(`${4 * each} tokens together`);
});

test("a folder is written once and named by its content", () => {
  const parent = temporaryFolder();
  const { folder, tokens } = writeFolder(parent, "four", FILES);
  expect(readFileSync(join(folder, "c.py"), "utf8")).toBe(body("c"));
  expect(tokens).toBe(FILES.reduce((sum, each) => sum + each.tokens, 0));
  expect(writeFolder(parent, "four", FILES).folder).toBe(folder);
  const other = writeFolder(parent, "four", FILES.slice(1)).folder;
  expect(other).not.toBe(folder);
  expect(existsSync(join(other, "a.py"))).toBe(false);
});

test("each needle stands where its place says, between top-level statements, at its depth", () => {
  const depths = [0, 0.24, 0.26, 0.5, 0.5, 0.99, 1];
  const needles = depths.map((depth, i) => ({ depth, text: `# needle ${i}` }));
  const { files, places } = plant(FILES, needles);
  expect(places.map(({ path }) => path)).toEqual(["a.py", "a.py", "b.py", "b.py", "b.py", "d.py", "d.py"]);
  for (const [i, { path, line }] of places.entries()) expect(lineOf(files, path, line)).toBe(`# needle ${i}`);
  expect(lineOf(files, "a.py", 1)).toBe("# needle 0");
  expect(files[3]?.text.endsWith("# needle 6\n")).toBe(true);
  expect(files[2]).toBe(FILES[2]); // none of its own: as it was
});

test("planting changes nothing but the planted lines and empty ones", () => {
  const needles = spreadDepths(seededRandom(1), 9).map((depth, i) => ({ depth, text: `# ${i}\n# more of ${i}` }));
  const { files } = plant(FILES, needles);
  const left = files.map(({ text }) =>
    text
      .replace(/^# .*\n/gm, "")
      .replace(/\n{2,}/g, "\n\n")
      .trim(),
  );
  expect(left).toEqual(FILES.map(({ text }) => text.trim()));
});

test("fresh numbers are different, have five digits and are nowhere, not even inside longer ones", () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `${20_000 + i}7`).join(" ");
  const numbers = freshNumbers(seededRandom(3), 500, [{ path: "x", text, tokens: 0 }]);
  expect(new Set(numbers).size).toBe(500);
  for (const number of numbers) {
    expect(number).toMatch(/^\d{5}$/);
    expect(text).not.toContain(number);
  }
});

test("a shuffle keeps every thing, and is the same for the same seed", () => {
  const things = Array.from({ length: 50 }, (_, i) => i);
  const once = shuffled(seededRandom(9), things);
  expect(once.toSorted((a, b) => a - b)).toEqual(things);
  expect(once).not.toEqual(things);
  expect(shuffled(seededRandom(9), things)).toEqual(once);
});
