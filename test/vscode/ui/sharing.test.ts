/** VS Code's own chat with the memory and the real model in it, as somebody uses it who never opens our panel. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { shareModels } from "../../support/engine-data.ts";
import { testModelPath } from "../../support/model.ts";
import { launchChromium } from "../chromium.ts";
import { sampleProject } from "../sample-project.ts";
import { Workbench } from "../workbench.ts";

const graph = fileURLToPath(new URL("../../../engine/graph/", import.meta.url));
const project = sampleProject();
const data = mkdtempSync(join(tmpdir(), "repo-memory-data-"));
let browser: Browser;
let workbench: Workbench;
/** VS Code's chat view. */
let chat: Locator;

beforeAll(async () => {
  // More than is read as plain text: the answer has to come from blocks that a look-up found.
  for (const file of ["rope.ts", "block-scores.ts", "token-projection.ts"])
    cpSync(join(graph, file), join(project.folder, "vendor/graph", file));
  browser = await launchChromium();
  const settings = {
    "repoMemory.model": testModelPath(),
    "repoMemory.dataFolder": shareModels(data),
    "chat.disableAIFeatures": false,
  };
  workbench = await Workbench.open(browser, project.folder, { settings });
  chat = workbench.page.locator(".interactive-session").first();
  await workbench.page.locator('.statusbar-item[aria-label*="is in memory"]').waitFor({ timeout: 300_000 });
  await workbench.run("Chat: Open Chat (Ask)");
  await chat.waitFor();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await workbench.screenshot("failed-sharing");
});

afterAll(async () => {
  await workbench?.close();
  await browser?.close();
  project.remove();
  rmSync(data, { recursive: true, force: true });
});

/** Types into VS Code's chat and sends; returns the newest answer, which older ones give way to. */
async function ask(text: string): Promise<Locator> {
  const { page } = workbench;
  await chat.locator(".interactive-input-editor").last().click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text, { delay: 15 });
  // The list of completions would take the Enter.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await chat.locator(".interactive-request", { hasText: text.split(" ").at(-1) ?? "" }).waitFor();
  return chat.locator(".chat-most-recent-response");
}

test("@repo answers in VS Code's chat from the memory, with its sources as links", async () => {
  const answer = await ask("@repo What is the value of DEFAULT_PORT?");
  await answer.getByText("Sources:").waitFor({ timeout: 120_000 });
  expect(await answer.innerText()).toContain("8734");
  expect(await answer.locator(".chat-inline-anchor-widget", { hasText: "config.ts" }).count()).toBeGreaterThan(0);
  await chat.getByText("Where is this tested?").waitFor();
  await workbench.screenshot("participant-answer");
});

test("/where lists places as links", async () => {
  const answer = await ask("@repo /where is the port of the tracker configured?");
  const place = answer.locator(".chat-inline-anchor-widget", { hasText: "config.ts" }).first();
  await place.waitFor({ timeout: 120_000 });
  await workbench.screenshot("participant-where");
  expect(await place.innerText()).toContain("config.ts");
});

test("the local model can be picked for VS Code's chat", async () => {
  const picker = chat.locator(".chat-input-toolbars").getByText(/smollm2/i);
  expect(await picker.count()).toBe(1);
});
