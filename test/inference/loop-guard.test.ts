import { expect, test } from "vitest";
import { loopLength } from "../../engine/inference/loop-guard.ts";

const passage = Array.from({ length: 14 }, (_, i) => 100 + i);

test("a passage that follows itself is a loop of its length", () => {
  expect(loopLength([1, 2, 3, ...passage, ...passage])).toBe(14);
});

test("text that only resembles itself is none", () => {
  expect(loopLength([...passage, ...passage.toSpliced(5, 1, 7)])).toBe(0);
  expect(loopLength([...passage, 1, ...passage])).toBe(0);
});

test("short repetitions are good text: indentation, list markers, tables", () => {
  expect(loopLength(Array.from({ length: 18 }, (_, i) => i % 3))).toBe(0);
});
