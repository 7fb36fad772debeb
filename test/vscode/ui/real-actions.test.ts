import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { expectShown } from "../workbench.ts";
import { addedTexts, openActions, openAt, takeAction } from "./editor-actions.ts";
import { realWindow } from "./test-windows.ts";

const graphSources = fileURLToPath(new URL("../../../engine/graph", import.meta.url));
const sharedWindow = realWindow({
  // More than is read as plain text: what is explained has to come from blocks.
  prepare: (folder) => cpSync(graphSources, join(folder, "vendor/graph"), { recursive: true }),
  ready: async (workbench) => {
    await workbench.openChat();
    await workbench.chat.getByText(/^\d+ files · /).waitFor({ timeout: 300_000 });
  },
});

test("the real model explains a symbol from its definition and its caller, and the lines it read are theirs", async () => {
  const workbench = sharedWindow();
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
  const workbench = sharedWindow();
  const { page } = workbench;
  await openAt(workbench, "server.ts", 13, 12);
  // Tried again, it begins with the file as it is on disk.
  await workbench.run("File: Revert File");
  await takeAction(await openActions(workbench), "Document This");
  await page.locator(".tab.active", { hasText: "Document This: server.ts" }).waitFor({ timeout: 180_000 });
  await workbench.screenshot("real-model-document");
  await page.getByRole("button", { name: "Apply This Change" }).click();
  // An editor shows spaces that do not break.
  const comment = page.locator(".view-line", { hasText: /\/\*\*\s.*\.\s\*\/|^\s*\*\s.*\.$/ });
  await expectShown(comment.first());
  // The comparison closes, and the function is there once.
  await expect.poll(() => page.locator(".view-line", { hasText: "function handle(" }).count()).toBe(1);
});
