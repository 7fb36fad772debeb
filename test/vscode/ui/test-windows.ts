import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, onTestFinished } from "vitest";
import { shareModels } from "../../support/engine-data.ts";
import { testModelPath } from "../../support/model.ts";
import { launchChromium } from "../chromium.ts";
import { sampleProject } from "../sample-project.ts";
import type { ServerOptions } from "../vscode-server.ts";
import { Workbench } from "../workbench.ts";

const scripted = fileURLToPath(new URL("../scripted-engine.ts", import.meta.url));

/** How a test opens a window: on the sample project, unless it names a folder or workspace file of its own. */
export type OpenWindow = (options?: ServerOptions, folder?: string) => Promise<Workbench>;

/** For tests that need a window each, with the scripted engine: closed behind the test, and a failed one leaves a screenshot. */
export function testWindows(): OpenWindow {
  let browser: Browser;
  let opened: Workbench | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await opened?.screenshot(screenshotName(task.name));
    await opened?.close();
    opened = undefined;
  });
  afterAll(() => browser?.close());
  return async (options = {}, folder) => {
    const project = sampleProject();
    onTestFinished(project.remove);
    const env = { REPO_MEMORY_TEST_ENGINE: scripted };
    return (opened = await Workbench.open(browser, folder ?? project.folder, { env, ...options }));
  };
}

/** What a window with the real model is opened with. */
interface RealWindowOptions {
  /** Makes the folder what the tests are about. */
  prepare: (folder: string) => void;
  settings?: Record<string, unknown>;
  /** Waits until the tests can begin. */
  ready: (workbench: Workbench) => Promise<void>;
}

/** One window for all tests of a file, with the real model and a data folder of its own. */
export function realWindow({ prepare, settings = {}, ready }: RealWindowOptions): () => Workbench {
  const project = sampleProject();
  const data = mkdtempSync(join(tmpdir(), "repo-memory-data-"));
  let browser: Browser | undefined;
  let workbench: Workbench | undefined;
  beforeAll(async () => {
    prepare(project.folder);
    browser = await launchChromium();
    const own = { "repoMemory.model": testModelPath(), "repoMemory.dataFolder": shareModels(data) };
    workbench = await Workbench.open(browser, project.folder, { settings: { ...own, ...settings } });
    await ready(workbench);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await workbench?.screenshot(screenshotName(task.name));
  });
  afterAll(async () => {
    await workbench?.close();
    await browser?.close();
    project.remove();
    rmSync(data, { recursive: true, force: true });
  });
  return () => {
    if (!workbench) throw new Error("The window is not open yet.");
    return workbench;
  };
}

/** What a failed test's screenshot is called. */
function screenshotName(test: string): string {
  return `failed-${test.slice(0, 40).replaceAll(/\W+/g, "-")}`;
}
