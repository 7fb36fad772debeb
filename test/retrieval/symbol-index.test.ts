import { describe, expect, test } from "vitest";

import { fuseScores } from "../../engine/retrieval/fuse-scores.ts";
import { LexicalIndex } from "../../engine/retrieval/lexical-index.ts";
import { NamedBlocks } from "../../engine/retrieval/named-blocks.ts";
import { SymbolIndex } from "../../engine/retrieval/symbol-index.ts";
import type { Store } from "../../engine/store/store.ts";
import { ingest, setUp } from "../ingest/ingest-setup.ts";

async function ingested(files: Record<string, string>): Promise<Store> {
  const { store, ingestor } = setUp(files);
  await ingest(ingestor);
  return store;
}

/** What a question leads to, surest first, as "path name". */
async function found(files: Record<string, string>, question: string): Promise<string[]> {
  const store = await ingested(files);
  const hits = new SymbolIndex(store).search(question);
  return store.read((blocks) => hits.map(({ blockId, name }) => `${blocks.locate([blockId])[0]?.path} ${name}`));
}

describe("a question leads to the blocks that define", () => {
  const files = {
    "policy.ts": "export class RetryPolicy {}\n",
    "retry.py": "def retry_policy():\n    pass\n",
    "policy.go": "package a\n\ntype Policy struct {}\n",
    "store.rs": "pub struct Store {}\n",
    "shop.ts": "interface Shop { store: string }\n",
  };

  test.each([
    ["Where is RetryPolicy defined?", ["policy.ts RetryPolicy"]],
    ["what does retry_policy do", ["retry.py retry_policy"]],
    ["where is retrypolicy", ["policy.ts RetryPolicy"]],
    ["What is the retry policy?", ["policy.ts RetryPolicy", "retry.py retry_policy"]],
    ["which policy says when to retry", ["policy.ts RetryPolicy", "retry.py retry_policy"]],
    ["What is a Store?", ["store.rs Store"]],
    ["what is `store`?", ["shop.ts store", "store.rs Store"]],
    [
      "How does the ingestion queue decide which waiting files are read first after a restart, and where is `store` read?",
      ["shop.ts store", "store.rs Store"],
    ],
    ["How do I bake bread?", []],
    ["", []],
    ["'; DROP TABLE symbols; --", []],
  ])("%s", async (question, expected) => {
    const names = await found(files, question);
    expect(names.slice(0, expected.length).toSorted()).toEqual(expected.toSorted());
    if (expected.length === 0) expect(names).toEqual([]);
  });

  test("a name in its own case before one in another, and a class before a field", async () => {
    const both = {
      "a.ts": "interface Other { target: Target }\n",
      "b.ts": "class Target {}\n",
      "c.ts": "let TARGET = 1;\n",
    };
    expect((await found(both, "Where is Target defined?"))[0]).toBe("b.ts Target");
  });

  test("what many blocks define says little; there is an end to names and hits", async () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`f${i}.ts`, `export function run() {}\n`]));
    const store = await ingested({ ...many, "one.ts": "export function start() {}\n" });
    const hits = new SymbolIndex(store).search(`Does start() call run()? ${"word1 word2 ".repeat(5_000)}`);
    expect(hits[0]?.name).toBe("start");
    expect(hits.length).toBeLessThanOrEqual(32);
    expect(hits[1]?.score).toBeLessThan(0.2);
  });
});

describe("in a ranking", () => {
  const uses = (name: string): string => `${name}(); ${name}(${name}());\n`.repeat(12);

  /** The best path for a question, with words and names alone. */
  function best(store: Store, question: string): string | undefined {
    const placed = store.read((blocks) => blocks.placed());
    const names = new NamedBlocks(store);
    store.read((_, __, symbols) => names.load(placed, symbols));
    const lexical = new LexicalIndex(store).search(question, placed.length);
    const byId = new Map(placed.map((block) => [block.id, block]));
    const ids = [...byId.keys()];
    const hits = fuseScores(ids, lexical, []).flatMap(({ id, score }) => {
      const block = byId.get(id);
      return block === undefined
        ? []
        : [{ block, score, why: "words" as const, evidence: { coverage: 0, cosine: undefined, defines: false } }];
    });
    return names.prefer(
      { question, before: "" },
      hits,
      lexical.map(({ blockId }) => blockId),
    )[0]?.block.path;
  }

  test.each([
    ["ts", "import { a } from './a.ts';\n\nexport function parseOptions(text: string) {\n  return text;\n}\n"],
    ["py", "import os\n\ndef parseOptions(text):\n    return text\n"],
    ["kt", "package a\n\nfun parseOptions(text: String): String {\n  return text\n}\n"],
  ])("the block that defines a name comes before all that use it more often (.%s)", async (extension, definition) => {
    const using = Array.from({ length: 30 }, (_, i) => [`use${i}.${extension}`, uses("parseOptions")]);
    const others = Array.from({ length: 200 }, (_, i) => [`other${i}.md`, `Something else, number ${i}.\n`]);
    const store = await ingested({ ...Object.fromEntries([...using, ...others]), [`z.${extension}`]: definition });
    for (const question of ["Where is parseOptions defined?", "What does `parseOptions` return?"]) {
      expect(best(store, question)).toBe(`z.${extension}`);
    }
    if (extension !== "kt") expect(best(store, "How does it parse options?")).toBe(`z.${extension}`);
  });

  test("what the question before named goes before all else no more, but helps", async () => {
    const definition = "export function retryBudget() {\n  return 3;\n}\n";
    const store = await ingested({ "zig.ts": definition, "zag.md": "Something else.\n" });
    const placed = store.read((blocks) => blocks.placed());
    const names = new NamedBlocks(store);
    store.read((_, __, symbols) => names.load(placed, symbols));
    const evidence = { coverage: 0, cosine: undefined, defines: false };
    const hits = placed.map((block) => ({
      block,
      score: block.path === "zag.md" ? 10 : 5,
      why: "words" as const,
      evidence,
    }));
    const order = (question: string, before: string) =>
      names.prefer({ question, before }, hits, []).map(({ block, score }) => [block.path, Math.round(score)]);
    expect(order("What does retryBudget return?", "")[0]).toEqual(["zig.ts", 16]);
    expect(order("What else is there?", "What does retryBudget return?")).toEqual([
      ["zag.md", 10],
      ["zig.ts", 8],
    ]);
    expect(order("What does retryBudget return?", "What else is there?")[0]).toEqual(["zig.ts", 16]);
  });

  test("a file that is called by the question's words comes first", async () => {
    const store = await ingested({ "retry-policy.md": "Wait, then again.\n", "a.md": "One retry.\n", "b.md": "No.\n" });
    expect(best(store, "What is the retry policy?")).toBe("retry-policy.md");
  });
});
