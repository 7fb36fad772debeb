import { expect, test } from "vitest";
import { percent, readLines } from "../../extension/attention/attention-levels.ts";

function line(path: string, startLine: number, score: number) {
  return { path, startLine, endLine: startLine, score };
}

test("lines are coloured by their share of the most read one's, in their own file", () => {
  const lines = [line("a.ts", 3, 0.4), line("b.ts", 1, 0.1), line("a.ts", 4, 0.03), line("a.ts", 9, 0.001)];
  expect(readLines(lines, "a.ts")).toEqual([
    { path: "a.ts", startLine: 3, endLine: 3, level: 0, share: 0.4 },
    { path: "a.ts", startLine: 4, endLine: 4, level: 2, share: 0.03 },
  ]);
  expect(readLines(lines, "b.ts").map(({ level }) => level)).toEqual([1]);
  expect(readLines([], "a.ts")).toEqual([]);
  expect(readLines([line("a.ts", 1, 0)], "a.ts")).toEqual([]);
});

test("shares are for people", () => {
  expect([0.1234, 0.5, 0.034, 0.0004].map(percent)).toEqual(["12 %", "50 %", "3.4 %", "< 0.1 %"]);
});
