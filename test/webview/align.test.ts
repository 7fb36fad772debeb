import { expect, test } from "vitest";
import { align } from "../../webview/align.ts";
import { splitBlocks } from "../../webview/markdown.ts";

/** What of the source the characters of a word in the rendered text come from. */
function sourceOf(source: string, rendered: string, word: string): string {
  const offsets = align(source, rendered);
  const at = rendered.indexOf(word);
  return source.slice(offsets[at], (offsets[at + word.length - 1] ?? 0) + 1);
}

test.each([
  ["The **port** is `8734`.", "The port is 8734.", "8734"],
  ["See [the file](https://example.com/a-file-is-here) is here", "See the file is here", "here"],
  ["1. one\n2. two words", "one\ntwo words", "two words"],
  ["a\nb c", "a b c", "b c"],
  ["x &amp; y", "x & y", "y"],
])("words of %j are found again", (source, rendered, word) => {
  expect(sourceOf(source, rendered, word)).toBe(word);
});

test("offsets never fall, whatever is aligned", () => {
  const offsets = align("# abc *def*", "zzabc qdef!");
  expect(offsets.toSorted((a, b) => a - b)).toEqual(offsets);
  expect(offsets).toHaveLength(11);
});

test("an answer's parts are its paragraphs, lists and blocks of code, and nothing is lost between them", () => {
  const text = "One\ntwo.\n\n- a\n\n  b\n- c\n\n```ts\nx\n\ny\n```\nlast";
  const blocks = splitBlocks(text);
  expect(blocks.map((block) => block.text.trim())).toEqual([
    "One\ntwo.",
    "- a\n\n  b\n- c",
    "```ts\nx\n\ny\n```",
    "last",
  ]);
  expect(blocks.map((block) => block.text).join("")).toBe(text);
  expect(blocks.every(({ start, text: part }) => text.startsWith(part, start))).toBe(true);
});

test("a block of code that is still being written is one part", () => {
  expect(splitBlocks("Text\n\n```ts\nconst a =\n\n  1").map(({ start }) => start)).toEqual([0, 6]);
});
