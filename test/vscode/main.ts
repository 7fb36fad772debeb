/**
 * `npm run -s test:vscode [-- --vsix FILE] [TEST FILE…]`: the extension in a real VS Code, from inside its extension host and from
 * outside through its window; from the source tree, or with `--vsix` from a package that is installed as a user would. With files of
 * `ui/`, only those. Installs what it needs on first use. Ends with a line of its own; exit 0 when nothing failed.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installPackage } from "./install-package.ts";
import { runSuite } from "./run-suite.ts";
import { INSTALLED_VARIABLE } from "./vscode-server.ts";

/** Names the file for `{passed, failed}`, where another program wants to know. */
const REPORT_VARIABLE = "REPO_MEMORY_TEST_REPORT";

const root = fileURLToPath(new URL("../..", import.meta.url));
const uiReport = `${root}.cache/test-reports/vscode-ui.json`;

interface Tally {
  passed: number;
  failed: number;
}

async function insideTheHost(): Promise<Tally> {
  console.log("\nInside the extension host");
  const tests = await runSuite();
  for (const { title, failure } of tests)
    console.log(`  ${failure ? "✗" : "✓"} ${title}${failure ? `\n${failure}` : ""}`);
  const failed = tests.filter(({ failure }) => failure !== undefined).length;
  return { passed: tests.length - failed, failed };
}

function throughTheWindow(): Tally {
  console.log("\nThrough the window");
  rmSync(uiReport, { force: true });
  const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${uiReport}`];
  const args = ["vitest", "run", "--config", "test/vscode/vitest.config.ts", ...reporters, ...files];
  spawnSync(args.join(" "), { cwd: root, shell: true, stdio: "inherit" });
  const report: { numPassedTests: number; numFailedTests: number; success: boolean } = JSON.parse(
    readFileSync(uiReport, "utf8"),
  );
  const failed = report.success ? 0 : Math.max(1, report.numFailedTests);
  return { passed: report.numPassedTests, failed };
}

const { values, positionals: files } = parseArgs({ options: { vsix: { type: "string" } }, allowPositionals: true });
if (values.vsix !== undefined) process.env[INSTALLED_VARIABLE] = installPackage(values.vsix);
const tallies = [...(files.length > 0 ? [] : [await insideTheHost()]), throughTheWindow()];
const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
const report = process.env[REPORT_VARIABLE];
if (report) {
  mkdirSync(dirname(report), { recursive: true });
  writeFileSync(report, JSON.stringify({ passed, failed }));
}
console.log(`\nVS Code: ${passed} passed, ${failed} failed. Screenshots are in .cache/screenshots.`);
process.exitCode = failed === 0 ? 0 : 1;
