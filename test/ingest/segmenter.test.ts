import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { BLOCK_TOKENS } from "../../engine/blocks/block.ts";
import type { Segment } from "../../engine/blocks/block.ts";
import { segmentText } from "../../engine/ingest/segmenter.ts";
import { randomChoice, randomInteger, seededRandom } from "../support/random.ts";

/** Words of at most 6 characters, runs of blanks, line ends with what follows, and other characters, one token each. */
function tokenize(text: string): Int32Array {
  return Int32Array.from(text.match(/\w{1,6}| +|\r\n|[^]/gu) ?? [], (word) => word.length);
}

function blockTexts(segments: readonly Segment[]): string[] {
  return segments.flatMap((segment) => segment.blocks.map((block) => block.text));
}

/** What holds for every cut: nothing lost, sizes bounded, lines right. */
function check(text: string, maxTokens: number): Segment[] {
  const segments = segmentText(text, maxTokens, tokenize);
  expect(blockTexts(segments).join("")).toBe(text);
  let before = "";
  for (const { blocks } of segments) {
    expect(blocks.length).toBeGreaterThan(0);
    expect(blocks.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBeLessThanOrEqual(maxTokens);
    for (const block of blocks) {
      expect(block.tokens).toEqual(tokenize(block.text));
      expect(block.tokens.length).toBeLessThanOrEqual(BLOCK_TOKENS);
      expect(block.text.length).toBeGreaterThan(0);
      expect(block.startLine).toBe(lineAt(before));
      expect(block.endLine).toBe(lineAt(before + block.text.slice(0, lastCharacterStart(block.text))));
      before += block.text;
    }
  }
  return segments;
}

/** The line (1-based) of the character that follows `before`, as editors count. */
function lineAt(before: string): number {
  return 1 + (before.match(/\r\n|\r|\n/g)?.length ?? 0);
}

/** Where the last line end, or the last character, begins. */
function lastCharacterStart(text: string): number {
  return text.length - (text.endsWith("\r\n") ? 2 : 1);
}

function randomText(random: () => number): string {
  const ends = randomChoice(random, [["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]]);
  const words = [
    "def",
    "  return",
    "x",
    "\t}",
    "名前",
    "🙂👩‍👩‍👧",
    "a".repeat(40),
    "",
    "",
    "class Foo:",
    "#".repeat(300),
    " ",
    "\ud83d",
    "e\u0301",
  ];
  let text = randomInteger(random, 5) === 0 ? "\uFEFF" : "";
  for (let line = randomInteger(random, 400); line > 0; line--) {
    for (let word = randomInteger(random, 12); word > 0; word--) text += `${randomChoice(random, words)} `;
    if (randomInteger(random, 60) === 0) text += "z🙂".repeat(randomInteger(random, 2_000));
    text += randomChoice(random, ends);
  }
  return randomInteger(random, 2) === 0 ? text : text.trimEnd();
}

describe("any text", () => {
  test.each(Array.from({ length: 30 }, (_, seed) => seed))("random (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const text = randomText(random);
    for (const maxTokens of [128, 200, 512, 1024]) check(text, maxTokens);
  });

  test.each([
    ["empty", "", 0],
    ["one character", "x", 1],
    ["one line end", "\n", 1],
    ["blank lines only", "\n".repeat(1_000), 8],
    ["a byte order mark alone", "\uFEFF", 1],
    ["no line end at the end", "a\nb", 1],
    ["one line of many blocks", "word ".repeat(2_000), 39],
    ["one word of a million characters", "a".repeat(1_000_000), 1_953],
  ])("%s", (_, text, blocks) => {
    expect(blockTexts(check(text, 512))).toHaveLength(blocks);
  });

  test("no surrogate pair and no CRLF is cut in two", () => {
    const pairs = blockTexts(check("🙂".repeat(5_000), 512));
    expect(pairs.every((text) => /^(?:🙂)+$/u.test(text))).toBe(true);
    const ends = blockTexts(check(`${"x".repeat(511)}\r\n`.repeat(20), 512));
    expect(ends.every((text) => !text.startsWith("\n"))).toBe(true);
  });
});

test("a segment smaller than a block is refused", () => {
  expect(() => segmentText("a", 127, tokenize)).toThrow(RangeError);
});

test("a tokenizer that joins badly never makes a block too large", () => {
  // One token more for each line end inside the text than the lines have by themselves.
  const joining = (text: string): Int32Array => new Int32Array(text.length + 3 * text.slice(0, -1).split("\n").length);
  const segments = segmentText("some text\n".repeat(300), 256, joining);
  expect(blockTexts(segments).join("")).toBe("some text\n".repeat(300));
  for (const { blocks } of segments) {
    const sizes = blocks.map(({ tokens }) => tokens.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(BLOCK_TOKENS);
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(256);
  }
});

test("a long file is cut where definitions start", () => {
  const definition = (i: number): string => `def f${i}(x):\n${"    x = x + 1\n".repeat(8)}    return x\n\n`;
  const segments = check(Array.from({ length: 100 }, (_, i) => definition(i)).join(""), 512);
  expect(segments.length).toBeGreaterThan(5);
  expect(segments.every(({ blocks }) => blocks[0]?.text.startsWith("def "))).toBe(true);
});

/** This project's own longer sources: real text with real definitions. */
function sourceTexts(): string[] {
  const texts: string[] = [];
  const directories = [join(import.meta.dirname, "../../engine"), join(import.meta.dirname, "../../test")];
  for (const directory of directories) {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) directories.push(join(directory, entry.name));
      else if (entry.name.endsWith(".ts")) texts.push(readFileSync(join(directory, entry.name), "utf8"));
    }
  }
  // Together they are as long as large files are.
  return [0, 1, 2, 3].map((part) =>
    texts
      .filter((_, i) => i % 4 === part)
      .slice(0, 25)
      .join("\n"),
  );
}

test("an edit of one line changes one or two segments of a file of a hundred", () => {
  const random = seededRandom(1);
  let edits = 0;
  let changed = 0;
  for (const text of sourceTexts()) {
    const known = new Set(segmentText(text, 512, tokenize).map(({ blocks }) => blockTexts([{ blocks }]).join("\0")));
    expect(known.size).toBeGreaterThan(20);
    const lines = text.split("\n");
    for (const edit of ["insert", "delete", "replace", "insert", "delete", "replace"]) {
      const at = randomInteger(random, lines.length);
      const edited = lines.toSpliced(at, edit === "insert" ? 0 : 1, ...(edit === "delete" ? [] : ["  edited(line);"]));
      const now = segmentText(edited.join("\n"), 512, tokenize).map(({ blocks }) =>
        blockTexts([{ blocks }]).join("\0"),
      );
      const fresh = now.filter((segment) => !known.has(segment)).length;
      expect(fresh).toBeLessThan(12);
      changed += fresh;
      edits++;
    }
  }
  expect(changed / edits).toBeLessThan(2);
});
