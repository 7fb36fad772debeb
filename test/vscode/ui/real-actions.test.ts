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
import { expectShown, Workbench } from "../workbench.ts";
import { addedTexts, openActions, openAt, takeAction } from "./editor-actions.ts";

const graphSources = fileURLToPath(new URL("../../../engine/graph", import.meta.url));
const project = sampleProject();
const data = mkdtempSync(join(tmpdir(), "repo-memory-data-"));
let browser: Browser;
let workbench: Workbench;

beforeAll(async () => {
  // More than is read as plain text: what is explained has to come from blocks.
  cpSync(graphSources, join(project.folder, "vendor/graph"), { recursive: true });
  browser = await launchChromium();
  const settings = { "repoMemory.model": testModelPath(), "repoMemory.dataFolder": shareModels(data) };
  workbench = await Workbench.open(browser, project.folder, { settings });
  await workbench.openChat();
  await workbench.chat.getByText(/^\d+ files · /).waitFor({ timeout: 300_000 });
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await workbench.screenshot("failed-real-actions");
});

afterAll(async () => {
  await workbench?.close();
  await browser?.close();
  project.remove();
  rmSync(data, { recursive: true, force: true });
});

test("the real model explains a symbol from its definition and its caller, and the lines it read are theirs", async () => {
  const { chat } = workbench;
  await openAt(workbench, "config.ts", 11, 20);
  await workbench.run("Repo Memory: Explain This Across Repo");
  await expectShown(chat.getByText("What would break", { exact: true }));
  await chat.getByText("tokens of memory").waitFor({ timeout: 180_000 });
  const answer = await chat.locator(".markdown").last().innerText();
  expect(answer).toMatch(/loadConfig is a function that .*config/s);
  expect(answer).toContain("loadConfig is defined in src/config.ts:11.");
  expect(answer).toContain("src/server.ts:7");
  await workbench.screenshot("real-model-explain");
  await openAt(workbench, "config.ts", 1, 1);
  await workbench.run("Repo Memory: Show What the Model Read");
  await expect.poll(async () => (await addedTexts(workbench)).length, { timeout: 60_000 }).toBeGreaterThan(0);
  await workbench.screenshot("real-model-read");
  await workbench.run("Repo Memory: Show What the Model Read");
});

test("the real model documents a function in words of its own", async () => {
  const { page } = workbench;
  await openAt(workbench, "server.ts", 13, 12);
  await takeAction(await openActions(workbench), "Document This");
  await page.locator(".tab.active", { hasText: "Document This: server.ts" }).waitFor({ timeout: 180_000 });
  await workbench.screenshot("real-model-document");
  await page.getByRole("button", { name: "Apply This Change" }).click();
  const comment = page.locator(".view-line", { hasText: /\/\*\* .*\. \*\/|^\s*\* .*\.$/ });
  await expectShown(comment.first());
  expect(await page.locator(".view-line", { hasText: "function handle(" }).count()).toBe(1);
});
