import { expect, test } from "vitest";

import { codeWords, questionPairs, questionWords } from "../../engine/retrieval/words.ts";

test.each([
  ["parseHTTPHeader2", ["parsehttpheader2", "parse", "http", "header", "2"]],
  ["snake_case_name", ["snake_case_name", "snake", "case", "name"]],
  ["MAX_TOKENS", ["max_tokens", "max", "tokens"]],
  ["__init__", ["__init__", "init"]],
  ["kebab-case.dot/path", ["kebab", "case", "dot", "path"]],
  ["plain", ["plain"]],
  ["Capital", ["capital"]],
  ["x = 42;", ["x", "42"]],
  ["größeMax", ["größemax", "größe", "max"]],
  ["日本go", ["日", "本", "go"]],
  ["go日本", ["go", "日", "本"]],
  ["_", ["_"]],
  ["🙂 \0 \ud800", []],
])("%s", (text, words) => {
  expect(codeWords(text)).toEqual(words);
});

test("a question is reduced to the words that tell, each once", () => {
  expect(questionWords("Where is the maxTokens of the maxTokens function?")).toEqual([
    "maxtokens",
    "max",
    "tokens",
    "function",
  ]);
  expect(questionWords("What is this?")).toEqual(["what", "is", "this"]);
  expect(questionWords("")).toEqual([]);
});

test("a word is at most 64 characters, and a long run takes linear time", () => {
  expect(codeWords("a".repeat(1_000_000))).toEqual(["a".repeat(64)]);
});

test("pairs are neighbours in the question that both tell something, each once and in its order", () => {
  expect(questionPairs("What is the pass key?")).toEqual([["pass", "key"]]);
  expect(questionPairs("Where is the key of the pass?")).toEqual([]);
  expect(questionPairs("foo bar foo baz foo bar")).toEqual([
    ["foo", "bar"],
    ["bar", "foo"],
    ["foo", "baz"],
    ["baz", "foo"],
  ]);
  expect(questionPairs("readFile")).toEqual([
    ["readfile", "read"],
    ["read", "file"],
  ]);
  expect(questionPairs("")).toEqual([]);
});
