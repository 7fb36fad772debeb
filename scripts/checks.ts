import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What a check is called, and the command line that runs it. */
const checks = [
  { name: "types", command: "tsc -b" },
  { name: "lint", command: "oxlint" },
  { name: "format", command: "oxfmt --check" },
  { name: "dead exports", command: "knip" },
  { name: "translations", command: "node scripts/check-localisation.ts" },
];

/** How many of a group of checks or tests passed and failed. */
export interface Tally {
  passed: number;
  failed: number;
}

/** Runs one command line of the tree's own tools, its output shown; true when it succeeded. */
export function runTool(command: string, env: NodeJS.ProcessEnv = {}): boolean {
  const { status } = spawnSync(command, { cwd: root, shell: true, stdio: "inherit", env: { ...process.env, ...env } });
  return status === 0;
}

/** Runs every check, also after a failure. */
export function runChecks(): Tally {
  const failed = checks.filter(({ name, command }) => {
    const passed = runTool(command);
    console.log(`${passed ? "ok  " : "FAIL"} ${name} (${command})`);
    return !passed;
  });
  return { passed: checks.length - failed.length, failed: failed.length };
}

/**
 * The figures of a suite's JSON report. A suite that failed without a failed test (a file that does not load, a
 * process that died) counts as one failure, and so does one that left no report.
 */
export function readReport(file: string, succeeded: boolean, passedField: string, failedField: string): Tally {
  const report: Record<string, unknown> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const [passed, failed] = [Number(report[passedField] ?? 0), Number(report[failedField] ?? 0)];
  return { passed, failed: succeeded && passed > 0 ? failed : Math.max(1, failed) };
}
