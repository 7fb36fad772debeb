import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { realWindow } from "./test-windows.ts";

const graphSources = fileURLToPath(new URL("../../../engine/graph", import.meta.url));
const sharedWindow = realWindow({
  // More than is read as plain text: the answer has to come from blocks that a look-up found.
  prepare: (folder) => cpSync(graphSources, join(folder, "vendor/graph"), { recursive: true }),
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
