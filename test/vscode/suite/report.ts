import { readFileSync } from "node:fs";

/** Names the file that mocha's report goes to. */
export const REPORT_VARIABLE = "REPO_MEMORY_SUITE_REPORT";

/** A test of the suite, as the report has it. */
export interface SuiteTest {
  title: string;
  /** What it failed with; undefined when it passed. */
  failure: string | undefined;
}

interface ReportedTest {
  fullTitle: string;
  err: { message?: string; stack?: string };
}

/** Reads mocha's JSON report. @throws when there is none: the host died before its end. */
export function readSuiteReport(path: string): SuiteTest[] {
  const report: Record<"tests" | "failures", ReportedTest[]> = JSON.parse(readFileSync(path, "utf8"));
  const known = new Set(report.tests.map(({ fullTitle }) => fullTitle));
  // A hook that fails is no test, and takes the tests behind it away.
  const hooks = report.failures.filter(({ fullTitle }) => !known.has(fullTitle));
  return [...report.tests, ...hooks].map(({ fullTitle, err }) => ({
    title: fullTitle,
    failure: err.stack ?? err.message,
  }));
}
