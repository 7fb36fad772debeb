import { expect, test } from "vitest";
import { expectShown } from "../workbench.ts";
import { chatWindow } from "./chat-window.ts";
import { openActions, openAt, takeAction } from "./editor-actions.ts";

const chatting = chatWindow();

test("the light bulb of a symbol offers what the repository can do for it, and a comment is applied from its diff", async () => {
  const workbench = chatting.workbench();
  const { page } = workbench;
  await openAt(workbench, "server.ts", 13, 12);
  const menu = await openActions(workbench);
  for (const title of ["Explain Across Repo", "Document This", "Write Tests Like Ours", "Find Similar Code"]) {
    await expectShown(menu.getByText(title, { exact: true }));
  }
  expect(await menu.getByText("Fix Using the Repo").count()).toBe(0);
  await workbench.screenshot("code-actions");
  await takeAction(menu, "Document This");
  await expectShown(page.locator(".tab.active", { hasText: "Document This: server.ts" }));
  const inserted = page.locator(".monaco-diff-editor .editor.modified .view-line", { hasText: "It is scripted" });
  await expectShown(inserted);
  await workbench.screenshot("code-action-diff");
  await page.getByRole("button", { name: "Apply This Change" }).click();
  await expectShown(page.locator(".tab.active", { hasText: /^server\.ts/ }));
  await expectShown(page.locator(".view-line", { hasText: "/** Says what it does. It is scripted. */" }));
  await page.keyboard.press("ControlOrMeta+Z");
  await page.locator(".view-line", { hasText: "It is scripted" }).waitFor({ state: "detached" });
});

test("a diff is applied with the keyboard, and a closed one changes nothing", async () => {
  const workbench = chatting.workbench();
  const { page } = workbench;
  const diff = page.locator(".tab.active", { hasText: "Document This: server.ts" });
  await openAt(workbench, "server.ts", 13, 12);
  await takeAction(await openActions(workbench), "Document This");
  await expectShown(diff);
  await workbench.run("View: Close Editor");
  await diff.waitFor({ state: "detached" });
  await openAt(workbench, "server.ts", 13, 12);
  expect(await page.locator(".view-line", { hasText: "It is scripted" }).count()).toBe(0);
  await takeAction(await openActions(workbench), "Document This");
  await expectShown(diff);
  await page.keyboard.press("ControlOrMeta+Enter");
  await expectShown(page.locator(".view-line", { hasText: "/** Says what it does. It is scripted. */" }));
  await page.keyboard.press("ControlOrMeta+Z");
});

test("similar code opens as a list of places", async () => {
  const workbench = chatting.workbench();
  const { page } = workbench;
  await openAt(workbench, "parcels.ts", 10, 20);
  await takeAction(await openActions(workbench), "Find Similar Code");
  const list = page.locator(".reference-zone-widget .ref-tree");
  await expectShown(list.getByText("server.ts").first());
  expect(await list.getByText("config.ts").count()).toBeGreaterThan(0);
  await workbench.screenshot("similar-code");
  await page.keyboard.press("Escape");
});

test("a symbol is explained by its keys alone, and the answer streams in the panel", async () => {
  const workbench = chatting.workbench();
  const { chat, page } = workbench;
  await openAt(workbench, "config.ts", 11, 20);
  await page.keyboard.press("ControlOrMeta+K");
  await page.keyboard.press("ControlOrMeta+Y");
  await expectShown(chat.getByText("Explain loadConfig across the repository"));
  for (const part of ["What it is", "Where it comes from", "Who uses it, and how", "What would break"]) {
    await expectShown(chat.getByText(part, { exact: true }));
  }
  await workbench.screenshot("explain-across-repo");
});
