import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readReport } from "../../scripts/checks.ts";
import { temporaryFolder } from "../support/folder.ts";

function tally(report: object | undefined, succeeded: boolean): { passed: number; failed: number } {
  const file = join(temporaryFolder(), "report.json");
  if (report !== undefined) writeFileSync(file, JSON.stringify(report));
  return readReport(file, succeeded, "good", "bad");
}

test("a suite's own figures are taken", () => {
  expect(tally({ good: 3, bad: 0 }, true)).toEqual({ passed: 3, failed: 0 });
  expect(tally({ good: 3, bad: 2 }, false)).toEqual({ passed: 3, failed: 2 });
});

test("a suite that failed without a failed test counts as one failure", () => {
  expect(tally({ good: 3, bad: 0 }, false)).toEqual({ passed: 3, failed: 1 });
});

test("a suite that ran nothing, or left no report, never counts as passed", () => {
  expect(tally({ good: 0, bad: 0 }, true)).toEqual({ passed: 0, failed: 1 });
  expect(tally(undefined, true)).toEqual({ passed: 0, failed: 1 });
});
