import { describe, expect, test } from "vitest";
import { fileName, nameScorer } from "../../engine/retrieval/name-match.ts";

/** The scores of blocks by their files' paths. */
function scorerOf(question: string) {
  const score = nameScorer(question);
  return (path: string, text: string | undefined) => score(fileName(path), text);
}

describe("a block that defines the name is worth more than one that mentions it", () => {
  test.each([
    ["retryLimit", "export const retryLimit = 5;"],
    ["RETRY_LIMIT", "RETRY_LIMIT = 5"],
    ["RETRY_LIMIT", "#define RETRY_LIMIT 5"],
    ["parse_header", "def parse_header(text):\n    return text"],
    ["parseHeader", "  async parseHeader(text: string): Promise<Header> {"],
    ["HeaderParser", "pub struct HeaderParser {"],
    ["HeaderParser", "class HeaderParser extends Parser {"],
    ["maxDepth", "  maxDepth: 40,"],
    ["HTTPServer", "type HTTPServer = typeof server;"],
    ["$scope", "const $scope = {};"],
  ])("%s in %j", (name, definition) => {
    const score = scorerOf(`What is ${name}?`);
    const mentioned = `return ${name} + other(${name});`;
    expect(score("a.ts", definition)).toBeGreaterThan(score("a.ts", mentioned));
    expect(score("a.ts", mentioned)).toBe(score("a.ts", "nothing of it"));
  });
});

test("a comparison, an arrow or a longer name is no definition", () => {
  const score = scorerOf("What is retryLimit?");
  for (const text of ["retryLimit === 5", "const retryLimits = 5;", "retryLimit => 5", "if (retryLimit == 5) return;"])
    expect([text, score("a.ts", text)]).toEqual([text, 0]);
});

test("a file that is called what the question says comes first, more so when a file is asked for", () => {
  const [what, which] = [scorerOf("How does the tokenizer work?"), scorerOf("Which file has the tokenizer?")];
  expect(what("src/tokenizer.ts", undefined)).toBeGreaterThan(what("src/parser.ts", undefined));
  expect(which("src/tokenizer.ts", undefined)).toBeGreaterThan(what("src/tokenizer.ts", undefined));
});

test("tests come after what they test, unless they are asked about", () => {
  const score = scorerOf("What is retryLimit?");
  for (const path of ["test/a.ts", "src/a.test.ts", "pkg/tests/a.py", "test_a.py", "src/__tests__/a.js"])
    expect([path, score(path, undefined) < score("src/a.ts", undefined)]).toEqual([path, true]);
  for (const path of ["src/latest.ts", "src/contest/a.ts", "src/attestation.py"])
    expect([path, score(path, undefined)]).toEqual([path, 0]);
  const asked = scorerOf("Which test covers retryLimit?");
  expect(asked("test/a.ts", undefined)).toBe(asked("src/a.ts", undefined));
});

test("long lines and questions full of names are matched in bounded work", () => {
  const question = Array.from({ length: 5000 }, (_, i) => `name_${i}`).join(" ");
  const score = scorerOf(question);
  const hostile = [
    "a ".repeat(40_000),
    "\t".repeat(80_000),
    `${"x.".repeat(40_000)} name_0`,
    "  name_0 (".repeat(9000),
  ];
  // Exponential matching would not end; nothing is asserted about how long it takes.
  for (const text of hostile) expect(score("a.c", text)).toBe(0);
});
