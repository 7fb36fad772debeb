import { expect, test } from "vitest";
import { sentenceSpans } from "../../engine/answer/sentence-spans.ts";

function sentences(text: string): string[] {
  return sentenceSpans(text).map(({ start, end }) => text.slice(start, end));
}

test("sentences are found without the blanks around them, and paths and calls stay whole", () => {
  expect(sentences("It starts in src/main.ts. `run()` calls it!  Nobody else does.\n")).toEqual([
    "It starts in src/main.ts.",
    "`run()` calls it!",
    "Nobody else does.",
  ]);
});

test("short forms end no sentence", () => {
  expect(sentences("It takes names, e.g. `port`, i.e. `PORT`. Others fail.")).toEqual([
    "It takes names, e.g. `port`, i.e. `PORT`.",
    "Others fail.",
  ]);
});

test("a list's number belongs to what it counts", () => {
  expect(sentences("1. Read it.\n2. Then write.\n- And close.")).toEqual([
    "1. Read it.",
    "2. Then write.",
    "- And close.",
  ]);
});

test("lines of code are sentences, fences are none", () => {
  expect(sentences("So:\n\n```ts\nconst a = 1;\n\nreturn a;\n```\nDone.")).toEqual([
    "So:",
    "const a = 1;",
    "return a;",
    "Done.",
  ]);
});

test("other scripts and characters of two units keep their offsets", () => {
  const text = "港は一つ。😀 Two berths. ";
  expect(sentences(text)).toEqual(["港は一つ。", "😀 Two berths."]);
});

test("nothing has no sentence", () => {
  expect(sentenceSpans("")).toEqual([]);
  expect(sentenceSpans(" \n\n```\n")).toEqual([]);
});
