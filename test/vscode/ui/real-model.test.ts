import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { realWindow } from "./test-windows.ts";

const graphSources = fileURLToPath(new URL("../../../engine/graph", import.meta.url));
let settingsFile = "";
const sharedWindow = realWindow({
  prepare: (folder) => {
    // More than is read as plain text: the answer has to come from blocks that a look-up found.
    cpSync(graphSources, join(folder, "vendor/graph"), { recursive: true });
    mkdirSync(join(folder, ".vscode"), { recursive: true });
    settingsFile = join(folder, ".vscode/settings.json");
  },
  ready: (workbench) => workbench.openChat(),
});

test("the real model answers from the workspace, and a citation opens its lines", async () => {
  const workbench = sharedWindow();
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
  const workbench = sharedWindow();
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

test.each([
  { strategy: "infini", namesSources: false },
  { strategy: "longmem", namesSources: true },
])("the folder's setting chooses $strategy, which answers without a look-up", async ({ strategy, namesSources }) => {
  const workbench = sharedWindow();
  const { chat } = workbench;
  writeFileSync(settingsFile, JSON.stringify({ "repoMemory.strategy": strategy }));
  const noSources = chat.getByText("No sources: this strategy of memory names none.");
  // The setting arrives some time after it was written: until then, another strategy answers.
  await expect
    .poll(
      async () => {
        await workbench.newChat();
        await workbench.ask("Which function finds a parcel?");
        await chat.getByText("tokens of memory").waitFor({ timeout: 120_000 });
        const isLookedUp = await chat.getByText(/^Recalled /).isVisible();
        return { isLookedUp, namesSources: !(await noSources.isVisible()) };
      },
      { timeout: 120_000, interval: 1 },
    )
    .toEqual({ isLookedUp: false, namesSources });
  await workbench.screenshot(`real-model-${strategy}`);
  expect(await chat.locator(".markdown").innerText()).not.toBe("");
  expect((await chat.locator(".citation").count()) > 0).toBe(namesSources);
});
