/** The suite of the extension host in desktop VS Code, which is downloaded on first use: `node test/vscode/run-desktop.ts`. */
import { fileURLToPath } from "node:url";
import { runTests } from "@vscode/test-electron";
import { bundleSuite, suiteEnvironment } from "./run-suite.ts";
import { sampleProject } from "./sample-project.ts";

/** Names an installed VS Code, instead of a download. */
const executable = process.env["VSCODE_EXECUTABLE"];
const project = sampleProject();
try {
  process.exitCode = await runTests({
    ...(executable && { vscodeExecutablePath: executable }),
    extensionDevelopmentPath: fileURLToPath(new URL("../..", import.meta.url)),
    extensionTestsPath: await bundleSuite(),
    extensionTestsEnv: suiteEnvironment,
    launchArgs: [project.folder, "--disable-extensions", "--disable-workspace-trust"],
  });
} finally {
  project.remove();
}
