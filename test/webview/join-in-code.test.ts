import { expect, test } from "vitest";
import { joinInCode } from "../../webview/join-in-code.ts";
import { splitBlocks } from "../../webview/markdown.ts";

const a = { path: "a.ts", startLine: 1, endLine: 9 };
const b = { path: "b.ts", startLine: 1, endLine: 9 };

test("what is in one block of code has its sources together, the rest keeps its own", () => {
  const text = "Text.\n\n```ts\none\ntwo\n```\n\nEnd.";
  const sentence = (words: string, ...blocks: { path: string; share: number }[]) => {
    const start = text.indexOf(words);
    return { start, end: start + words.length, blocks: blocks.map((block) => ({ ...a, ...block })) };
  };
  const joined = joinInCode(
    [
      sentence("Text.", { path: "a.ts", share: 1 }),
      sentence("one\n", { path: "a.ts", share: 1 }),
      sentence("two\n", { path: "a.ts", share: 0.25 }, { path: "b.ts", share: 0.75 }),
      sentence("End.", { path: "b.ts", share: 1 }),
    ],
    splitBlocks(text),
  );
  expect(joined.map(({ start, end }) => text.slice(start, end))).toEqual(["Text.", "one\ntwo\n", "End."]);
  expect(joined[1]?.blocks).toEqual([
    { ...a, share: 0.625 },
    { ...b, share: 0.375 },
  ]);
});

test("two blocks of code stay two", () => {
  const text = "```\na\n```\n\n```\nb\n```\n";
  const sentences = [4, 15].map((start) => ({ start, end: start + 1, blocks: [{ ...a, share: 1 }] }));
  expect(joinInCode(sentences, splitBlocks(text))).toEqual(sentences);
});
