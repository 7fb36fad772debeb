/**
 * `npm run -s measure:vscode -- [activation] [heap] [edits]`: what the extension costs the editor, and how fresh its memory is, in a real
 * VS Code; all three where none is named. Prints one JSON object. Times are of this machine as it is now: nothing is compared with them.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { obtainTestModel } from "../../support/global-setup.ts";
import { shareModels } from "../../support/engine-data.ts";
import { launchChromium } from "../chromium.ts";
import { bundleForHost, type HostProgram, runInHost, suiteEnvironment } from "../run-suite.ts";
import { sampleProject } from "../sample-project.ts";
import { Workbench } from "../workbench.ts";

/** Windows whose activation is measured, and hosts whose heap is. */
const ROUNDS = 5;
const HEAPS = 3;

const bundle = fileURLToPath(new URL("../../../.cache/vscode-suite/measure.mjs", import.meta.url));
const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);

/** VS Code's own figure: what it says of the extension under "Show Running Extensions". */
async function activation() {
  const browser = await launchChromium();
  const milliseconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const project = sampleProject();
    const workbench = await Workbench.open(browser, project.folder, { env: suiteEnvironment });
    await workbench.page.locator('.statusbar-item[id*="repoMemory"]').first().waitFor();
    await workbench.run("Developer: Show Running Extensions");
    const text = await activationText(workbench.page);
    milliseconds.push(Number(/Activation: ([\d,.]+) ?ms/.exec(text)?.[1]?.replaceAll(",", "")));
    await workbench.close();
    project.remove();
  }
  await browser.close();
  return { milliseconds, median: median(milliseconds) };
}

/** The list holds only the rows in sight, and the quickest extensions stand at its end. */
async function activationText(page: Page): Promise<string> {
  const rows = page.locator(".runtime-extensions-editor .monaco-list-row");
  const row = rows.filter({ has: page.locator(".name", { hasText: /^(Repo Memory|repo-memory\.repo-memory)$/ }) });
  await rows.first().hover();
  for (let turns = 0; turns < 50 && (await row.count()) === 0; turns++) await page.mouse.wheel(0, 200);
  return row.first().innerText();
}

/** The host's heap with a million tokens in memory, above that of the same host without the extension; in turns. */
async function heap() {
  const base: number[] = [];
  const full: number[] = [];
  let tokens = 0;
  for (let round = 0; round < HEAPS; round++) {
    base.push((await inHost({ isBare: true }, "heap")).heapBytes);
    const settings = { "repoMemory.model": "million" };
    const figures = await inHost({ settings, env: suiteEnvironment }, "heap");
    full.push(figures.heapBytes);
    tokens = figures.tokens;
  }
  const MB = (bytes: number) => Math.round(bytes / 1e5) / 10;
  return {
    tokens,
    baseMB: MB(median(base)),
    withMemoryMB: MB(median(full)),
    aboveBaseMB: MB(median(full) - median(base)),
  };
}

/** With the real small model. */
async function edits() {
  const data = mkdtempSync(join(tmpdir(), "repo-memory-edits-"));
  const place = { "repoMemory.model": await obtainTestModel(), "repoMemory.dataFolder": shareModels(data) };
  const settings = { ...place, "repoMemory.priority": "normal" };
  try {
    return await inHost({ settings }, "edits");
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function inHost(options: Partial<HostProgram>, what: string) {
  const program = await bundleForHost(new URL("host.ts", import.meta.url), bundle);
  const project = sampleProject();
  const place = mkdtempSync(join(tmpdir(), "repo-memory-measure-"));
  const output = join(place, "figures.json");
  const env = { ...options.env, REPO_MEMORY_MEASURE: what, REPO_MEMORY_MEASURE_OUTPUT: output };
  try {
    await runInHost({ ...options, program, folder: project.folder, env });
    return JSON.parse(readFileSync(output, "utf8"));
  } finally {
    project.remove();
    rmSync(place, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const figures = {
  ...(isWanted("activation") && { activation: await activation() }),
  ...(isWanted("heap") && { heap: await heap() }),
  ...(isWanted("edits") && { edits: await edits() }),
};
console.log(JSON.stringify(figures, undefined, 2));
