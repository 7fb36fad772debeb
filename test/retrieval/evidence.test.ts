import { expect, test } from "vitest";
import { fitsQuestion } from "../../engine/retrieval/evidence.ts";

const nothing = { coverage: 0.04, cosine: 0.3, defines: false };

test("what speaks for some block lets the question fit, each signal wherever it was found", () => {
  expect(fitsQuestion([nothing, nothing])).toBe(false);
  expect(fitsQuestion([nothing, { ...nothing, defines: true }])).toBe(true);
  expect(fitsQuestion([nothing, { ...nothing, cosine: 0.6 }])).toBe(true);
  const [words, states] = [
    { ...nothing, coverage: 0.3 },
    { ...nothing, cosine: 0.4 },
  ];
  expect(fitsQuestion([words])).toBe(false);
  expect(fitsQuestion([states])).toBe(false);
  expect(fitsQuestion([words, states])).toBe(true);
});

test("without projections words decide, and an empty memory fits nothing", () => {
  expect(fitsQuestion([{ coverage: 0.2, cosine: undefined, defines: false }])).toBe(true);
  expect(fitsQuestion([{ coverage: 0.01, cosine: undefined, defines: false }])).toBe(false);
  expect(fitsQuestion([])).toBe(false);
});
