import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { launchChromium } from "../chromium.ts";
import { sampleProject } from "../sample-project.ts";
import { Workbench } from "../workbench.ts";

const scripted = fileURLToPath(new URL("../scripted-engine.ts", import.meta.url));

/** A window with the scripted engine and the chat open, for all tests of a file; a failed test leaves a screenshot. */
export function chatWindow(
  settings: Record<string, unknown> = {},
  prepare = (_folder: string): void => {},
): {
  workbench: () => Workbench;
  folder: string;
} {
  const project = sampleProject();
  prepare(project.folder);
  let browser: Browser | undefined;
  let workbench: Workbench | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
    const env = { REPO_MEMORY_TEST_ENGINE: scripted };
    workbench = await Workbench.open(browser, project.folder, { settings, env });
    await workbench.openChat();
    await workbench.chat.getByText("files · ").waitFor();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      await workbench?.screenshot(`failed-${task.name.slice(0, 40).replaceAll(/\W+/g, "-")}`);
  });
  afterAll(async () => {
    await workbench?.close();
    await browser?.close();
    project.remove();
  });
  return {
    folder: project.folder,
    workbench: () => {
      if (!workbench) throw new Error("The window is not open yet.");
      return workbench;
    },
  };
}
