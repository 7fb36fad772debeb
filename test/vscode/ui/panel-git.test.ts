import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chatWindow } from "./chat-window.ts";

const { workbench } = chatWindow({ "git.enabled": true }, (folder) => {
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: folder });
  git("init", "-q");
  git("add", "-A");
  git("commit", "-q", "-m", "first");
  appendFileSync(join(folder, "src/parcels.ts"), "export const ADDED = 1;\n");
});

test("uncommitted changes are asked about with their difference, and the files that have them", async () => {
  const { chat, page } = workbench();
  await page.locator(".explorer-folders-view .monaco-icon-label", { hasText: "src" }).first().waitFor();
  await expect
    .poll(
      async () => {
        await workbench().newChat();
        await workbench().question.focus();
        await page.keyboard.type("params @unco");
        await chat.getByRole("option", { name: "Uncommitted changes" }).waitFor();
        await page.keyboard.press("Enter");
        await page.keyboard.press("Enter");
        await chat.getByText("384 tokens of memory").waitFor();
        return chat.locator(".code-block code").innerText();
      },
      // Git looks at the folder some time after the window opened.
      { timeout: 60_000 },
    )
    .toContain("ADDED");
  expect(await chat.locator(".code-block code").innerText()).toContain('"src/parcels.ts"');
});
