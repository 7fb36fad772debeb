import { expect, test } from "vitest";
import type { Evidence } from "../../engine/retrieval/evidence.ts";
import { likelihoodWeight, withLikelihoods } from "../../engine/retrieval/likely-blocks.ts";
import type { Hit } from "../../engine/retrieval/named-blocks.ts";

const evidence = (coverage: number, defines = false): Evidence => ({ coverage, cosine: undefined, defines });

function hit(id: number, score: number): Hit {
  const block = { id, path: `${id}.ts`, startLine: 1, endLine: 9, tokens: 90, header: id, segment: id };
  return { block, score, why: "words", evidence: evidence(0) };
}

const ids = (hits: readonly Hit[]) => hits.map(({ block }) => block.id);

test("the fewer of a question's words are found, the more a likelihood counts", () => {
  const weights = [0, 0.1, 0.2, 0.9].map((coverage) => likelihoodWeight([evidence(0), evidence(coverage)]));
  expect(weights).toEqual(weights.toSorted((a, b) => b - a));
  expect(weights[0]).toBeGreaterThan(weights[1] ?? 0);
  expect(weights.at(-1)).toBe(0);
});

test("where a block defines what is asked for, nothing is looked at again", () => {
  expect(likelihoodWeight([evidence(0), evidence(0.1, true)])).toBe(0);
});

test("a likely block goes before those that scored better, and scores stay with the places", () => {
  const ranked = [hit(1, 5), hit(2, 4), hit(3, 3), hit(4, 2)];
  const likelihoods = new Map([
    [1, -60],
    [2, -61],
    [3, -40],
  ]);
  const counted = withLikelihoods(ranked, 3, likelihoods, 0.5);
  expect(ids(counted)).toEqual([3, 1, 2, 4]);
  expect(counted.map(({ score }) => score)).toEqual([5, 4, 3, 2]);
  expect(counted.map(({ why }) => why)).toEqual(["states", "words", "words", "words"]);
});

test("a block that was looked at and could not be read is neither first nor last for it", () => {
  const ranked = [hit(1, 5), hit(2, 5), hit(3, 5), hit(4, 5)];
  const likelihoods = new Map([
    [1, -61],
    [2, -50],
    [4, -40],
  ]);
  expect(ids(withLikelihoods(ranked, 4, likelihoods, 1))).toEqual([4, 2, 3, 1]);
});

test("a gain that is small beside a negative score is not why a block was chosen", () => {
  const likelihoods = new Map([
    [1, -50],
    [2, -50],
  ]);
  expect(withLikelihoods([hit(1, -1), hit(2, -2)], 2, likelihoods, 1).map(({ why }) => why)).toEqual([
    "words",
    "words",
  ]);
});

test("without a likelihood the ranking stays", () => {
  const ranked = [hit(1, 5), hit(2, 4)];
  expect(withLikelihoods(ranked, 2, new Map(), 2)).toEqual(ranked);
});
