import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { graveFindings } from "../accessibility.ts";
import { launchChromium } from "../chromium.ts";
import { sampleProject } from "../sample-project.ts";
import { THEMES, useTheme } from "../themes.ts";
import { Workbench } from "../workbench.ts";

const scripted = fileURLToPath(new URL("../scripted-engine.ts", import.meta.url));
let browser: Browser;
let cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  browser = await launchChromium();
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

afterAll(() => browser?.close());

/** States that need an engine of their own: by the word in the model's setting that puts it there, and what the panel then says. */
const STATES = [
  { name: "ingestion", model: "held", says: "50 % · 2,100 of 4,200 tokens" },
  { name: "first-run", model: "missing", says: "There is no model on this machine yet." },
];

test.each(STATES)("axe-core finds nothing serious, in every theme: $name", async ({ name, model, says }) => {
  const project = sampleProject();
  cleanups.push(project.remove);
  const settings = { "repoMemory.model": model };
  const workbench = await Workbench.open(browser, project.folder, {
    settings,
    env: { REPO_MEMORY_TEST_ENGINE: scripted },
  });
  cleanups.push(() => workbench.close());
  await workbench.openChat();
  await workbench.chat.getByText(says).waitFor();
  for (const theme of THEMES) {
    await useTheme(workbench, theme);
    expect(await graveFindings(workbench)).toEqual([]);
    await workbench.screenshot(`panel-${name}-${theme.name}`);
  }
});
