import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { shareModels } from "../../support/engine-data.ts";
import { testModelPath } from "../../support/model.ts";
import { launchChromium } from "../chromium.ts";
import { sampleProject } from "../sample-project.ts";
import { Workbench } from "../workbench.ts";

const graphSources = fileURLToPath(new URL("../../../engine/graph", import.meta.url));
const project = sampleProject();
const data = mkdtempSync(join(tmpdir(), "repo-memory-data-"));
let browser: Browser;
let workbench: Workbench;

beforeAll(async () => {
  // More than is read as plain text: the answer has to come from blocks that a look-up found.
  cpSync(graphSources, join(project.folder, "vendor/graph"), { recursive: true });
  browser = await launchChromium();
  const settings = { "repoMemory.model": testModelPath(), "repoMemory.dataFolder": shareModels(data) };
  workbench = await Workbench.open(browser, project.folder, { settings });
  await workbench.openChat();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await workbench.screenshot("failed-real-model");
});

afterAll(async () => {
  await workbench?.close();
  await browser?.close();
  project.remove();
  rmSync(data, { recursive: true, force: true });
});

test("the real model answers from the workspace, and a citation opens its lines", async () => {
  const { chat, page } = workbench;
  await chat.getByText(/^\d+ files · /).waitFor({ timeout: 300_000 });
  await workbench.ask("What is the value of DEFAULT_PORT?");
  await chat.getByText("tokens of memory").waitFor({ timeout: 120_000 });
  expect(await chat.locator(".markdown").innerText()).toContain("8734");
  await workbench.screenshot("real-model-answer");
  const citation = chat.getByRole("button", { name: "Open src/config.ts" }).first();
  const label = (await citation.getAttribute("aria-label")) ?? (await citation.innerText());
  const lastLine = /(?:to|line) (\d+)$/.exec(label)?.[1];
  expect(Number(lastLine)).toBeGreaterThanOrEqual(8);
  await citation.click();
  await page.locator(".tab.active", { hasText: "config.ts" }).waitFor();
  await page.getByText(new RegExp(`^Ln ${lastLine}, Col \\d+ \\(\\d+ selected\\)$`)).waitFor();
  await workbench.screenshot("real-model-citation");
});

test("what was just changed in an editor is what the next answer says", async () => {
  const { chat, page } = workbench;
  await page
    .locator(".view-line", { hasText: "DEFAULT_PORT = 8734" })
    .locator("span", { hasText: "8734" })
    .last()
    .dblclick();
  await page.keyboard.type("6021");
  await expect
    .poll(
      async () => {
        await workbench.newChat();
        await workbench.ask("What is the value of DEFAULT_PORT?");
        await chat.getByText("tokens of memory").waitFor({ timeout: 120_000 });
        return chat.locator(".markdown").innerText();
      },
      { timeout: 120_000, interval: 1 },
    )
    .toContain("6021");
});
