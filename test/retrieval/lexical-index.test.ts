import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { LexicalIndex } from "../../engine/retrieval/lexical-index.ts";
import { codeWords, questionWords } from "../../engine/retrieval/words.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "../support/folder.ts";
import { randomChoice, randomInteger, seededRandom } from "../support/random.ts";

/** A store whose files are the given texts, a block each; the block ids are 1, 2, … in that order. */
function storeOf(texts: readonly string[]): Store {
  const store = new Store(join(temporaryFolder(), "store.sqlite"), (line) => {
    throw new Error(line);
  });
  onTestFinished(() => store.close());
  for (const [i, text] of texts.entries()) addFile(store, `f${i}`, text);
  return store;
}

function addFile(store: Store, path: string, text: string): void {
  const bytes = Buffer.from("bytes");
  const block = { text, tokens: 1, startLine: 0, endLine: 0, codec: "int8", kv: bytes, index: bytes, indexVersion: "" };
  const header = { key: "header", tokens: 1, codec: "int8", kv: bytes };
  const file = { path, contentHash: text, size: 1, mtimeNs: 1n };
  store.commit(
    [{ key: path, header, blocks: [block] }],
    [{ file, segments: [{ key: path, startLine: 1 }], words: codeWords }],
  );
}

/** BM25 by its formula (k1 1.2, b 0.75), and the share of what the question could score. */
function plainBm25(texts: readonly string[], question: string): Map<number, { score: number; coverage: number }> {
  const documents = texts.map(codeWords);
  const mean = documents.reduce((sum, words) => sum + words.length, 0) / documents.length;
  const found = new Map<number, { score: number; coverage: number }>();
  const idf = (word: string): number => {
    const having = documents.filter((words) => words.includes(word)).length;
    return Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
  };
  const possible = questionWords(question).reduce((sum, word) => sum + 2.2 * idf(word), 0);
  for (const [i, words] of documents.entries()) {
    let score = 0;
    for (const word of questionWords(question)) {
      const count = words.filter((other) => other === word).length;
      score += (idf(word) * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * words.length) / mean));
    }
    if (score > 0) found.set(i + 1, { score, coverage: score / possible });
  }
  return found;
}

test.each([1, 2, 3])("scores are BM25's, best first (seed %i)", (seed) => {
  const random = seededRandom(seed);
  const vocabulary = ["alpha", "betaGamma", "gamma", "delta_epsilon", "HTTPServer", "zeta", "42", "名前", "the"];
  const text = (): string =>
    Array.from({ length: 1 + randomInteger(random, 30) }, () => randomChoice(random, vocabulary)).join(" ");
  const texts = Array.from({ length: 60 }, text);
  const index = new LexicalIndex(storeOf(texts));
  for (const question of [
    "alpha gamma",
    "Where is the HTTPServer of epsilon?",
    "beta unknownword",
    "名",
    "zeta zeta 42",
  ]) {
    const hits = index.search(question, 1_000);
    const expected = plainBm25(texts, question);
    expect(hits.length).toBe(expected.size);
    for (const { blockId, score, coverage } of hits) {
      expect(score).toBeCloseTo(expected.get(blockId)?.score ?? Number.NaN, 9);
      expect(coverage).toBeCloseTo(expected.get(blockId)?.coverage ?? Number.NaN, 9);
      expect(coverage).toBeLessThanOrEqual(1);
    }
    expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).toSorted((a, b) => b - a));
    expect(index.search(question, 3)).toEqual(hits.slice(0, 3));
  }
});

describe("any question", () => {
  test.each([
    '"',
    '") OR (words:*',
    "NEAR(a b)",
    "a AND NOT b",
    "^x",
    "*",
    "-",
    "'; DROP TABLE lexical; --",
    "\0",
    "",
    "\ud800",
    "{a b}: c",
    "\\",
  ])("%j is only text", (question) => {
    const index = new LexicalIndex(storeOf(["near and words", "drop table lexical"]));
    const words = new Set(questionWords(question));
    const hits = index.search(question, 10);
    expect(hits.every(({ blockId }) => blockId === 1 || blockId === 2)).toBe(true);
    if (words.size === 0) expect(hits).toEqual([]);
  });

  test("a pasted file is cut to its first words", () => {
    const index = new LexicalIndex(storeOf(["5 here", "99999 there"]));
    const question = Array.from({ length: 100_000 }, (_, i) => `word${i}`).join(" ");
    expect(index.search(question, 10).map(({ blockId }) => blockId)).toEqual([1]);
  });
});

test("words that stand side by side are told from words that are both there", () => {
  const filler = Array.from({ length: 20 }, (_, i) => `filler${i} text`);
  const texts = [
    "if key: pass",
    "passKey = 3",
    "the key to pass",
    "# The pass key is 35299.",
    "a passphrase",
    ...filler,
  ];
  const pairs = (question: string) =>
    new Map(
      new LexicalIndex(storeOf(texts))
        .search(question, 100)
        .filter(({ pairCoverage }) => pairCoverage > 0)
        .map(({ blockId, pairCoverage }) => [blockId, pairCoverage]),
    );
  const found = pairs("What is the pass key?");
  expect([...found.keys()].toSorted((a, b) => a - b)).toEqual([2, 4]);
  for (const share of found.values()) expect(share).toBeLessThan(1);
  // A pair that no block has weighs most: one pair of three says little.
  expect(pairs("pass key lantern umbrella").get(4)).toBeLessThan(0.5 * (found.get(4) ?? 0));
  expect(pairs("pass")).toEqual(new Map());
});

test("what changes in the store changes what is found", () => {
  const store = storeOf(["alpha beta", "gamma"]);
  const index = new LexicalIndex(store);
  expect(index.search("alpha", 9).map(({ blockId }) => blockId)).toEqual([1]);
  addFile(store, "more", "alpha alpha");
  expect(index.search("alpha", 9).map(({ blockId }) => blockId)).toEqual([3, 1]);
  store.remove(["f0", "more"]);
  expect(index.search("alpha", 9)).toEqual([]);
  expect(index.search("gamma", 9)).toHaveLength(1);
});

test("an empty store finds nothing", () => {
  expect(new LexicalIndex(storeOf([])).search("anything", 5)).toEqual([]);
});
