import { expect, test } from "vitest";
import { answerFigures } from "./answers.ts";
import { ChunkIndex, fitPassages } from "./chunk-index.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { mean, proportion } from "./intervals.ts";
import { firstOfEachKind, type RecallOutcome, summarise } from "./recall.ts";

const QUESTION: EvalQuestion = {
  corpus: "cpp",
  half: "report",
  kind: "describe",
  question: "?",
  golds: [],
  answers: [],
};

test("a proportion's interval is Wilson's, and stays inside 0 to 1", () => {
  const { value, low, high, n } = proportion([...Array.from({ length: 8 }, () => true), false, false]);
  expect([value, n]).toEqual([0.8, 10]);
  expect(low).toBeCloseTo(0.4902, 3);
  expect(high).toBeCloseTo(0.9433, 3);
  expect(proportion(Array.from({ length: 20 }, () => true)).low).toBeCloseTo(0.8389, 3);
  expect(proportion([])).toEqual({ value: 0, low: 0, high: 1, n: 0 });
});

test("a mean's interval holds the mean, narrows with more values and is the same again", () => {
  const few = mean([1, 0, 1, -1, 0, 1]);
  const many = mean(Array.from({ length: 60 }, () => [1, 0, 1, -1, 0, 1]).flat());
  expect(few.value).toBeCloseTo(1 / 3);
  expect(few.low).toBeLessThan(few.value);
  expect(few.high).toBeGreaterThan(few.value);
  expect(many.high - many.low).toBeLessThan((few.high - few.low) / 4);
  expect(mean([1, 0, 1, -1, 0, 1])).toEqual(few);
});

test("recall counts first places and places among the first eight, and compares question by question", () => {
  const outcomes: RecallOutcome[] = [
    { question: QUESTION, ranks: { ours: 1, bm25: 3 } },
    { question: QUESTION, ranks: { ours: 8, bm25: 0 } },
    { question: QUESTION, ranks: { ours: 0, bm25: 1 } },
    { question: QUESTION, ranks: { ours: 1, bm25: 1 } },
  ];
  const { ours, bm25, infllm, oursMinusBm25 } = summarise(outcomes);
  expect([ours?.at1.value, ours?.at8.value, bm25?.at1.value, bm25?.at8.value]).toEqual([0.5, 0.75, 0.5, 0.75]);
  expect(oursMinusBm25).toMatchObject({ at1: { value: 0, n: 4 }, at8: { value: 0, n: 4 } });
  expect(infllm).toBeUndefined();
});

test("answers are compared question by question", () => {
  const outcome = { kind: "describe", ours: true, rightFileAsText: true, bm25AsText: false, noMemory: false };
  const figures = answerFigures([outcome, { ...outcome, ours: false }]);
  expect([figures.ours.value, figures.rightFileAsText.value, figures.noMemory.value]).toEqual([0.5, 1, 0]);
  expect([figures.oursMinusRightFileAsText.value, figures.oursMinusBm25AsText.value]).toEqual([-0.5, 0.5]);
});

test("a smaller run takes the first questions of each kind", () => {
  const questions = ["a", "b", "c"].map((question): EvalQuestion => ({ ...QUESTION, question }));
  const other: EvalQuestion = { ...QUESTION, kind: "paraphrase", question: "d" };
  expect(firstOfEachKind([...questions, other], 2).map(({ question }) => question)).toEqual(["a", "b", "d"]);
  expect(firstOfEachKind(questions)).toHaveLength(3);
});

test("text is retrieved by rare words and cut to its budget at a line", () => {
  const filler = Array.from({ length: 70 }, (_, i) => `common line ${i}`).join("\n");
  const index = new ChunkIndex(new Map([["a.ts", filler], ["b.ts", `${filler}\nconst retryLimit = 3;\ncommon`]])); // prettier-ignore
  const [best] = index.search("What is the common retry limit?", 4);
  expect(best).toMatchObject({ path: "b.ts" });
  expect(best?.text).toContain("retryLimit");
  const count = (text: string): number => text.split("\n").length;
  const passages = [{ path: "a", text: "1\n2\n3" }, { path: "b", text: "4\n5\n6" }, { path: "c", text: "7" }]; // prettier-ignore
  expect(fitPassages(passages, 5, count)).toEqual([{ path: "a", text: "1\n2\n3" }, { path: "b", text: "4\n5" }]); // prettier-ignore
});
