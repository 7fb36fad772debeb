/** VS Code's own chat with the memory and the real model in it, as somebody uses it who never opens our panel. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Locator } from "playwright-core";
import { expect, test } from "vitest";
import type { Workbench } from "../workbench.ts";
import { realWindow } from "./test-windows.ts";

const graph = fileURLToPath(new URL("../../../engine/graph/", import.meta.url));
const sharedWindow = realWindow({
  // More than is read as plain text: the answer has to come from blocks that a look-up found.
  prepare: (folder) => {
    for (const file of ["rope.ts", "token-scores.ts", "token-projection.ts"])
      cpSync(join(graph, file), join(folder, "vendor/graph", file));
  },
  settings: { "chat.disableAIFeatures": false },
  ready: async (workbench) => {
    await workbench.page.locator('.statusbar-item[aria-label*="is in memory"]').waitFor({ timeout: 300_000 });
    await workbench.run("Chat: Open Chat (Ask)");
    await chatView(workbench).waitFor();
  },
});

/** VS Code's chat view. */
const chatView = ({ page }: Workbench) => page.locator(".interactive-session").first();

/** Types into VS Code's chat and sends; returns the newest answer, which older ones give way to. */
async function ask(workbench: Workbench, text: string): Promise<Locator> {
  const { page } = workbench;
  const chat = chatView(workbench);
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
  const workbench = sharedWindow();
  const answer = await ask(workbench, "@repo What is the value of DEFAULT_PORT?");
  await answer.getByText("Sources:").waitFor({ timeout: 120_000 });
  expect(await answer.innerText()).toContain("8734");
  expect(await answer.locator(".chat-inline-anchor-widget", { hasText: "config.ts" }).count()).toBeGreaterThan(0);
  await chatView(workbench).getByText("Where is this tested?").waitFor();
  await workbench.screenshot("participant-answer");
});

test("/where lists places as links", async () => {
  const workbench = sharedWindow();
  const answer = await ask(workbench, "@repo /where is the port of the tracker configured?");
  const place = answer.locator(".chat-inline-anchor-widget", { hasText: "config.ts" }).first();
  await place.waitFor({ timeout: 120_000 });
  await workbench.screenshot("participant-where");
  expect(await place.innerText()).toContain("config.ts");
});

test("the local model can be picked for VS Code's chat", async () => {
  const picker = chatView(sharedWindow())
    .locator(".chat-input-toolbars")
    .getByText(/smollm2/i);
  expect(await picker.count()).toBe(1);
});
