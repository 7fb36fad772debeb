/**
 * `npm test`: every check and every test, with all the set-up that they need. Ends with a line of its own, "N passed, N failed";
 * exit 0 when nothing failed. `npm test -- unit` leaves VS Code out.
 */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readReport, runChecks, runTool, type Tally } from "./checks.ts";

const reports = fileURLToPath(new URL("../.cache/test-reports/", import.meta.url));
const suites = process.argv.slice(2);

function runUnits(): Tally {
  const report = `${reports}unit.json`;
  const passed = runTool(`vitest run --reporter=default --reporter=json --outputFile.json="${report}"`);
  return readReport(report, passed, "numPassedTests", "numFailedTests");
}

function runVscode(): Tally {
  const report = `${reports}vscode.json`;
  const passed = runTool("npm run -s test:vscode", { REPO_MEMORY_TEST_REPORT: report });
  return readReport(report, passed, "passed", "failed");
}

rmSync(reports, { recursive: true, force: true });
const tallies = [runChecks(), runUnits(), ...(suites.includes("unit") ? [] : [runVscode()])];
const sum = (field: keyof Tally): number => tallies.reduce((total, tally) => total + tally[field], 0);
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") === 0 ? 0 : 1;
