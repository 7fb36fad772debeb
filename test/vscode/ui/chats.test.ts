import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chatWindow } from "./chat-window.ts";

const { workbench, folder } = chatWindow();

test("the panel starts in the secondary side bar", async () => {
  expect(
    await workbench().page.locator(".part.auxiliarybar iframe.webview, .part.auxiliarybar").count(),
  ).toBeGreaterThan(0);
  const bar = await workbench().page.locator(".part.auxiliarybar").boundingBox();
  const frame = await workbench().page.locator("iframe.webview.ready").boundingBox();
  expect(frame && bar && frame.x >= bar.x && frame.width <= bar.width).toBe(true);
});

test("several chats are kept; they are searched, opened, renamed and deleted", async () => {
  const { chat, page } = workbench();
  await workbench().ask("How does the service start?");
  await chat.getByText("384 tokens of memory").waitFor();
  await workbench().newChat();
  await workbench().ask("Where is the port kept?");
  await chat.getByText("384 tokens of memory").waitFor();
  await chat.getByRole("tab", { name: "Chats" }).click();
  const rows = chat.getByRole("list", { name: "Chats" }).getByRole("listitem");
  await expect.poll(() => rows.count()).toBe(2);
  expect(await rows.first().innerText()).toContain("Where is the port kept?");
  await workbench().screenshot("chats");
  await chat.getByRole("searchbox", { name: "Search chats" }).fill("service start");
  await expect.poll(() => rows.count()).toBe(2);
  await chat.getByRole("searchbox", { name: "Search chats" }).fill("port kept");
  await expect.poll(() => rows.count()).toBe(1);
  await chat.getByRole("searchbox", { name: "Search chats" }).fill("");
  await rows.nth(1).hover();
  await chat.getByRole("button", { name: "Rename “How does the service start?”" }).click();
  await chat.getByRole("textbox", { name: "New name of the chat" }).fill("Start-up");
  await page.keyboard.press("Enter");
  await rows.getByText("Start-up").waitFor();
  await rows.getByText("Start-up").click();
  await chat.locator(".question", { hasText: "How does the service start?" }).waitFor();
  await chat.getByRole("tab", { name: "Chats" }).click();
  await rows.nth(1).hover();
  await chat.getByRole("button", { name: "Delete “Where is the port kept?”" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect.poll(() => rows.count()).toBe(1);
});

test("a chat is exported as Markdown or JSON, by the name that it is saved under", async () => {
  const { page } = workbench();
  for (const [name, begins] of [
    ["chat.md", "# Start-up\n"],
    ["chat.json", '{\n  "title": "Start-up"'],
  ] as const) {
    await workbench().run("Repo Memory: Export Chat");
    const input = page.locator(".quick-input-widget input").first();
    await input.waitFor();
    await expect.poll(() => input.inputValue()).toContain("start-up.md");
    await input.fill(join(folder, name));
    await page.keyboard.press("Enter");
    await page.locator(".tab.active", { hasText: name }).waitFor();
    expect(readFileSync(join(folder, name), "utf8").startsWith(begins)).toBe(true);
  }
});

test("a chat can be open in an editor tab, and what is said there is said in the side bar", async () => {
  const { page } = workbench();
  await workbench().openChat();
  await workbench().run("Repo Memory: Open Chat in Editor");
  await page.locator(".tab.active", { hasText: "Start-up" }).waitFor();
  const frames = page.locator("iframe.webview.ready");
  await expect.poll(() => frames.count()).toBe(2);
  const inTab = await workbench().panelAt(".part.editor");
  const inBar = await workbench().panelAt(".part.auxiliarybar");
  for (const panel of [inTab, inBar])
    await panel.locator(".question", { hasText: "How does the service start?" }).waitFor();
  const question = inTab.getByRole("textbox", { name: "Question about" });
  await question.fill("What does handle do?");
  await question.press("Enter");
  for (const panel of [inTab, inBar])
    await panel.getByRole("article", { name: "Question 2" }).getByText("384 tokens of memory").waitFor();
  await workbench().screenshot("chat-in-editor");
});

test("what was being written is there again when the panel was hidden", async () => {
  const draft = (await workbench().panelAt(".part.auxiliarybar")).getByRole("textbox", { name: "Question about" });
  await draft.fill("half a question");
  await workbench().run("View: Toggle Secondary Side Bar Visibility");
  await expect.poll(() => workbench().page.locator("iframe.webview.ready").count()).toBe(1);
  await workbench().run("View: Toggle Secondary Side Bar Visibility");
  await expect.poll(() => workbench().page.locator("iframe.webview.ready").count()).toBe(2);
  const panel = await workbench().panelAt(".part.auxiliarybar");
  await expect.poll(() => panel.getByRole("textbox", { name: "Question about" }).inputValue()).toBe("half a question");
});

test("chats and the tab are there again after the window is loaded anew", async () => {
  const { page } = workbench();
  // As a user does it: the window writes down what is open before it goes.
  await Promise.all([page.waitForEvent("domcontentloaded"), workbench().run("Developer: Reload Window")]);
  await page.locator(".tab", { hasText: "Start-up" }).waitFor({ timeout: 120_000 });
  await expect.poll(() => page.locator("iframe.webview.ready").count(), { timeout: 60_000 }).toBe(2);
  for (const part of [".part.editor", ".part.auxiliarybar"] as const)
    await (await workbench().panelAt(part)).locator(".question", { hasText: "What does handle do?" }).waitFor();
});
