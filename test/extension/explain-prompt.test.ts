import { expect, test } from "vitest";
import type { RecalledBlock } from "../../engine/protocol/requests.ts";
import { explainPrompt } from "../../extension/explain/explain-prompt.ts";
import { memoryFacts, MOST_USES, type SymbolFacts } from "../../extension/explain/symbol-facts.ts";

const selection = { path: "src/config.ts", startLine: 11, endLine: 13, text: "export function loadConfig() {\n}\n" };
const target = { name: "loadConfig", kind: "function", selection };
const nothing: SymbolFacts = { definitions: [], uses: [], source: "memory" };

function block(path: string, startLine: number, text: string): RecalledBlock {
  return { path, startLine, endLine: startLine + text.split("\n").length - 1, score: 1, why: "words", tokens: 9, text };
}

const config = block(
  "src/config.ts",
  10,
  "/** Reads loadConfig's input. */\nexport function loadConfig() {\n  return {};\n}",
);
const server = block(
  "src/server.ts",
  1,
  'import { loadConfig } from "./config.ts";\n\nfunction start() {\n  return loadConfig();\n}',
);
const other = block("lib/more.py", 40, "def run():\n    loadConfig()\n    reloadConfig()");

test("without a language server the memory's blocks tell where a name is defined and who uses it", async () => {
  const asked: string[] = [];
  const facts = await memoryFacts(async ({ question }) => {
    asked.push(question);
    return { blocks: [config, server, other] };
  }, "loadConfig");
  expect(asked).toEqual(["Where is `loadConfig` defined?", "Which functions call `loadConfig`?"]);
  expect(facts).toEqual({
    definitions: [{ path: "src/config.ts", startLine: 11, endLine: 11 }],
    uses: [
      { path: "src/server.ts", startLine: 4, endLine: 4, inside: "start" },
      { path: "lib/more.py", startLine: 41, endLine: 41, inside: "run" },
    ],
    source: "memory",
  });
});

test("imports are told of where there is no other use, and never more than a window holds", async () => {
  const [imports] = (server.text ?? "").split("\n");
  const many = Array.from({ length: 20 }, (_, i) => block(`src/${i}.ts`, 1, imports ?? ""));
  const facts = await memoryFacts(async () => ({ blocks: many }), "loadConfig");
  expect(facts.uses).toHaveLength(MOST_USES);
});

test("places are given, and the model goes on from them", () => {
  const uses = [
    { path: "src/server.ts", startLine: 7, endLine: 7, inside: "startServer" },
    { path: "bin/run.ts", startLine: 2, endLine: 2 },
  ];
  const definitions = [{ path: "src/config.ts", startLine: 11, endLine: 11 }];
  const { question, parts, ranges } = explainPrompt(target, { definitions, uses, source: "language server" });
  expect(question).toContain("`loadConfig`");
  expect(parts).toEqual([
    "**What it is**\n\n`loadConfig` is a function that",
    "\n\n**Where it comes from**\n\n`loadConfig` is defined in `src/config.ts:11`.\n\n**Who uses it, and how**\n\n" +
      "- `startServer` in `src/server.ts:7`\n- `bin/run.ts:2`\n\n`startServer` uses it to",
    "\n\n**What would break**\n\nIf `loadConfig` changed, `startServer` would",
  ]);
  expect(ranges.map(({ path }) => path)).toEqual(["src/config.ts", "src/config.ts", "src/server.ts", "bin/run.ts"]);
});

test("what nobody uses is said to be used by nobody, and no part makes a user up", () => {
  const { parts } = explainPrompt(target, nothing);
  expect(parts).toHaveLength(2);
  expect(parts[1]).toContain("a definition elsewhere was not found");
  expect(parts[1]).toContain("Nothing else was found that uses `loadConfig`.");
});

test("lines without a name are explained as the selected code, a long text only by its beginning", () => {
  const text = "x".repeat(10_000);
  const prompt = explainPrompt({ name: undefined, kind: undefined, selection: { ...selection, text } }, nothing);
  expect(prompt.parts[0]).toBe("**What it is**\n\nThe selected code is");
  expect(prompt.selection.text).toHaveLength(3_000);
});
