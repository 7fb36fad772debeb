import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { launchChromium } from "./chromium.ts";
import { sampleProject } from "./sample-project.ts";
import { readSuiteReport, REPORT_VARIABLE, type SuiteTest } from "./suite/report.ts";
import { developmentPayload, type ServerOptions, startServer } from "./vscode-server.ts";

const blank = fileURLToPath(new URL("../../.cache/vscode-suite/blank-extension", import.meta.url));
const bundle = fileURLToPath(new URL("../../.cache/vscode-suite/run.mjs", import.meta.url));

/** What the extension host of the suite is started with. */
export const suiteEnvironment = {
  REPO_MEMORY_TEST_ENGINE: fileURLToPath(new URL("scripted-engine.ts", import.meta.url)),
};

/** Bundles a program for the extension host as VS Code loads it: one ES module. Returns its path. */
export async function bundleForHost(source: URL, outfile: string): Promise<string> {
  const entryPoints = [fileURLToPath(source)];
  const external = ["vscode", "mocha"];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", external });
  return outfile;
}

/** Bundles the suite. Returns its path. */
export function bundleSuite(): Promise<string> {
  return bundleForHost(new URL("suite/run.ts", import.meta.url), bundle);
}

/** Tests run in a host for development only: from the package, or without the extension, an empty one is what is developed. */
function testHost(authority: string, isBare: boolean): [string, string][] {
  const developed = isBare ? [] : developmentPayload(authority);
  if (developed.length > 0) return developed;
  mkdirSync(blank, { recursive: true });
  const manifest = { name: "blank", publisher: "repo-memory-tests", version: "0.0.1", engines: { vscode: "*" } };
  writeFileSync(`${blank}/package.json`, JSON.stringify(manifest));
  return [["extensionDevelopmentPath", authority + blank]];
}

/** A program for the extension host, and what it finds there. */
export interface HostProgram extends ServerOptions {
  /** Its bundle. */
  program: string;
  folder: string;
  /** Without this extension, where there is something to compare with. */
  isBare?: boolean;
}

/** Runs a program in the extension host of VS Code's server, a headless browser as its window; returns when it has ended. */
export async function runInHost({ program, folder, isBare = false, ...options }: HostProgram): Promise<void> {
  const server = await startServer(options);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    const exited = new Promise((resolve) => void page.exposeFunction("codeAutomationExit", resolve));
    await page.exposeFunction("codeAutomationLog", () => {});
    const payload = [
      ...testHost(server.authority, isBare),
      ["extensionTestsPath", server.authority + program],
      ["skipWelcome", "true"],
    ];
    await page.goto(`${server.url}/?folder=${folder}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
    await exited;
  } finally {
    await browser.close();
    await server.stop();
  }
}

/** Runs the suite. */
export async function runSuite(): Promise<SuiteTest[]> {
  const program = await bundleSuite();
  const project = sampleProject();
  const reports = mkdtempSync(join(tmpdir(), "repo-memory-suite-"));
  const report = join(reports, "report.json");
  try {
    await runInHost({ program, folder: project.folder, env: { ...suiteEnvironment, [REPORT_VARIABLE]: report } });
    return readSuiteReport(report);
  } finally {
    project.remove();
    rmSync(reports, { recursive: true, force: true });
  }
}
