/** The tests that run inside VS Code's extension host: `extensionTestsPath` names this file's bundle, VS Code calls `run`. */
import Mocha from "mocha";
import { REPORT_VARIABLE } from "./report.ts";

/** Runs only the tests whose titles hold this. */
const ONLY_VARIABLE = "REPO_MEMORY_SUITE_ONLY";

/** Milliseconds after which a test counts as stuck; far more than any takes. */
const LONGEST_TEST = 120_000;

/** Runs every suite; throws when a test failed, which VS Code turns into its exit code. */
export async function run(): Promise<void> {
  const output = process.env[REPORT_VARIABLE];
  // The host's console is not clean: where a file is named, the report goes there.
  const reporting = output ? { reporter: "json", reporterOptions: { output } } : { reporter: "spec" };
  const grep = process.env[ONLY_VARIABLE];
  const mocha = new Mocha({ ui: "bdd", timeout: LONGEST_TEST, ...reporting, ...(grep && { grep }) });
  mocha.suite.emit("pre-require", globalThis, "", mocha);
  await import("./extension.suite.ts");
  await import("./sharing.suite.ts");
  await import("./code-actions.suite.ts");
  await import("./explain.suite.ts");
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed.`);
}
