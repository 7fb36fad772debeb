import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { launchChromium } from "./chromium.ts";
import { sampleProject } from "./sample-project.ts";
import { readSuiteReport, REPORT_VARIABLE, type SuiteTest } from "./suite/report.ts";
import { developmentPayload, startServer } from "./vscode-server.ts";

const blank = fileURLToPath(new URL("../../.cache/vscode-suite/blank-extension", import.meta.url));
const bundle = fileURLToPath(new URL("../../.cache/vscode-suite/run.mjs", import.meta.url));

/** What the extension host of the suite is started with. */
export const suiteEnvironment = {
  REPO_MEMORY_TEST_ENGINE: fileURLToPath(new URL("scripted-engine.ts", import.meta.url)),
};

/** Bundles the suite as VS Code loads it: one ES module. Returns its path. */
export async function bundleSuite(): Promise<string> {
  const entry = fileURLToPath(new URL("suite/run.ts", import.meta.url));
  const external = ["vscode", "mocha"];
  await build({ entryPoints: [entry], outfile: bundle, bundle: true, platform: "node", format: "esm", external });
  return bundle;
}

/** Tests run in a host for development only: from the package, an empty extension is what is developed. */
function testHost(authority: string): [string, string][] {
  const developed = developmentPayload(authority);
  if (developed.length > 0) return developed;
  mkdirSync(blank, { recursive: true });
  const manifest = { name: "blank", publisher: "repo-memory-tests", version: "0.0.1", engines: { vscode: "*" } };
  writeFileSync(`${blank}/package.json`, JSON.stringify(manifest));
  return [["extensionDevelopmentPath", authority + blank]];
}

/** Runs the suite in the extension host of VS Code's server, a headless browser as its window. */
export async function runSuite(): Promise<SuiteTest[]> {
  const tests = await bundleSuite();
  const project = sampleProject();
  const reports = mkdtempSync(join(tmpdir(), "repo-memory-suite-"));
  const report = join(reports, "report.json");
  const server = await startServer({ env: { ...suiteEnvironment, [REPORT_VARIABLE]: report } });
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    const exited = new Promise((resolve) => void page.exposeFunction("codeAutomationExit", resolve));
    await page.exposeFunction("codeAutomationLog", () => {});
    const payload = [
      ...testHost(server.authority),
      ["extensionTestsPath", server.authority + tests],
      ["skipWelcome", "true"],
    ];
    await page.goto(`${server.url}/?folder=${project.folder}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
    await exited;
    return readSuiteReport(report);
  } finally {
    await browser.close();
    await server.stop();
    project.remove();
    rmSync(reports, { recursive: true, force: true });
  }
}
