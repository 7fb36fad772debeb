import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chatWindow } from "./chat-window.ts";

const { workbench, folder } = chatWindow();

/** Asks in a new chat, and waits for the end of the answer. */
async function ask(question: string): Promise<void> {
  await workbench().newChat();
  await askOn(question, 1);
}

/** Asks in the chat that is open; `turn`: the question's number in it. */
async function askOn(question: string, turn: number): Promise<void> {
  await workbench().ask(question);
  await workbench()
    .chat.getByRole("article", { name: `Question ${turn}` })
    .getByText("384 tokens of memory")
    .waitFor();
}

/** What the scripted engine was asked with, which it tells in its answer to a question about its params. */
async function params(): Promise<Record<string, unknown>> {
  const told: Record<string, unknown> = JSON.parse(
    await workbench().chat.locator(".code-block code").last().innerText(),
  );
  return told;
}

/** Opens a file with the cursor in the editor. */
async function openFile(name: string): Promise<void> {
  const { page } = workbench();
  await page.keyboard.press("Control+P");
  await page.locator(".quick-input-widget input").first().fill(name);
  await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: name }).first().click();
  await page.locator(".tab.active", { hasText: name }).waitFor();
  await page.locator(".editor-instance .view-lines").first().click();
}

test("pointing at a sentence shows where it comes from, and a click there opens the lines", async () => {
  const { chat, page } = workbench();
  await ask("How does the service start?");
  const sentence = chat.locator(".sentence", { hasText: "Errors are logged" });
  await sentence.hover();
  const card = chat.getByRole("group", { name: "Where this comes from" });
  await card.waitFor();
  expect(await card.getByRole("button").count()).toBe(3);
  expect(await card.getByRole("button").first().getAttribute("aria-label")).toBe("Open src/config.ts, lines 3 to 9");
  await card.getByRole("button", { name: "Open src/config.ts, lines 3 to 9" }).click();
  await page.locator(".tab.active", { hasText: "config.ts" }).waitFor();
  await page.getByText(/^Ln 9, Col \d+ \(\d+ selected\)$/).waitFor();
});

test("the sources of a sentence are reached with the keyboard alone", async () => {
  const { chat, page } = workbench();
  await chat.locator(".source-mark").first().focus();
  const card = chat.getByRole("group", { name: "Where this comes from" });
  await card.waitFor();
  await page.keyboard.press("Tab");
  expect(await card.locator(":focus").getAttribute("aria-label")).toMatch(/^Open src\/server\.ts/);
  await page.keyboard.press("Enter");
  await page.locator(".tab.active", { hasText: "server.ts" }).waitFor();
  await chat.locator(".source-mark").first().focus();
  await page.keyboard.press("Escape");
  await card.waitFor({ state: "hidden" });
});

test("the memory tab lists the window's blocks with their reasons; files are pinned and left out for the chat", async () => {
  const { chat, page } = workbench();
  await chat.getByRole("tab", { name: "Memory" }).click();
  const files = chat.getByRole("list", { name: "Files in the window" });
  expect(await files.locator(".file").count()).toBe(3);
  expect(await files.locator(".block-why").first().getAttribute("data-text")).toBe("has words of the question");
  await files.getByRole("button", { name: "Open src/config.ts, lines 3–9: has words of the question" }).click();
  await page.locator(".tab.active", { hasText: "config.ts" }).waitFor();
  await chat.getByRole("button", { name: "Pin src/server.ts: keep it in the window" }).click();
  await chat.getByRole("button", { name: "Leave README.md out of the window" }).click();
  await chat.getByText("left out", { exact: true }).waitFor();
  await workbench().screenshot("memory");
  await askOn("Which params?", 2);
  expect(await params()).toMatchObject({ pinned: ["src/server.ts"], excluded: ["README.md"] });
});

test("things are named with @ and chosen with the keyboard, and reach the engine", async () => {
  const { chat, page } = workbench();
  await workbench().newChat();
  await workbench().question.focus();
  await page.keyboard.type("Which params are for @conf");
  await chat.getByRole("option", { name: "config.ts" }).first().waitFor();
  await workbench().screenshot("mention");
  await page.keyboard.press("Enter");
  expect(await workbench().question.inputValue()).toBe("Which params are for src/config.ts ");
  await page.keyboard.type("and @src");
  await chat.getByRole("option", { name: "src", exact: true }).waitFor();
  for (let step = 0; step < 20; step++) {
    if ((await chat.locator("[aria-selected=true] .codicon-folder").count()) > 0) break;
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  expect(await chat.getByRole("list", { name: "The question is about" }).getByRole("listitem").count()).toBe(2);
  await page.keyboard.press("Enter");
  await chat.getByText("384 tokens of memory").waitFor();
  expect(await params()).toMatchObject({ pinned: ["src/config.ts", "src/server.ts"] });
  expect(await chat.locator(".question .mention").allInnerTexts()).toEqual(["config.ts", "src"]);
});

test("the selection, problems and open editors can be asked about", async () => {
  const { chat, page } = workbench();
  await workbench().newChat();
  await openFile("config.ts");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  await workbench().question.focus();
  await page.keyboard.type("params @sel");
  await chat.getByRole("option", { name: "Selection" }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type("@open");
  await chat.getByRole("option", { name: "Open editors" }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await chat.getByText("384 tokens of memory").waitFor();
  const told = await params();
  expect(told).toMatchObject({ selection: { path: "src/config.ts", startLine: 1, endLine: 2 } });
  expect(told["pinned"]).toContain("src/config.ts");
});

test("a command asks more than its word, of what follows it or of the code in the editor", async () => {
  const { chat, page } = workbench();
  await workbench().newChat();
  await workbench().question.focus();
  await page.keyboard.type("/im");
  await chat.getByRole("option", { name: "/impact" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.type("DEFAULT_PORT params");
  await page.keyboard.press("Enter");
  await chat.getByText("384 tokens of memory").waitFor();
  expect((await params())["question"]).toBe(
    "What breaks if DEFAULT_PORT params changes? Name everything that uses it.",
  );
  expect(await chat.locator(".question p").innerText()).toBe("/impact DEFAULT_PORT params");
});

test("files that are dropped on the question are asked about; others are not", async () => {
  const { chat, page } = workbench();
  await workbench().newChat();
  const uris = [`file://${folder}/src/parcels.ts`, `file://${folder}/test`, "file:///etc/passwd"].join("\r\n");
  await chat.locator(".composer").evaluate(
    (element, data) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.setData("text/uri-list", data);
      for (const type of ["dragover", "drop"])
        element.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    },
    uris.replaceAll("file:///tmp", "vscode-remote://x/tmp").replaceAll("vscode-remote://x", "file://"),
  );
  const list = chat.getByRole("list", { name: "The question is about" });
  await list.getByText("parcels.ts").waitFor();
  expect(await list.getByRole("listitem").allInnerTexts()).toEqual(["parcels.ts", "test"]);
  await workbench().question.focus();
  await page.keyboard.press("Backspace");
  await expect.poll(() => list.getByRole("listitem").count()).toBe(1);
  await chat.getByRole("button", { name: "Leave out parcels.ts" }).click();
});

test("paths and symbols in an answer are links where they are there, and open", async () => {
  const { chat, page } = workbench();
  await ask("How does the service start?");
  const answer = chat.locator(".markdown");
  await answer.locator("a.link", { hasText: "src/server.ts" }).waitFor();
  const links = await answer.locator("a.link").allInnerTexts();
  expect(links).toEqual(expect.arrayContaining(["src/server.ts", "startServer", "src/config.ts", "handle"]));
  expect(links).not.toContain("404");
  await answer.locator("a.link", { hasText: "handle" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText(/^Ln 13, Col \d+/).waitFor();
});

test("code of an answer is coloured, copied, and inserted at the cursor as one step of undo", async () => {
  const { chat, page } = workbench();
  await expect.poll(() => chat.locator(".code-block .token").allInnerTexts()).toContain("const");
  await openFile("README.md");
  await page.keyboard.press("Control+End");
  await chat.getByRole("button", { name: "Insert at cursor" }).click();
  const lines = page.locator(".editor-instance .view-lines").first();
  await expect.poll(() => lines.innerText()).toContain("createServer(handle)");
  await lines.click();
  await page.keyboard.press("Control+Z");
  await expect.poll(() => lines.innerText()).not.toContain("createServer(handle)");
  expect(await lines.innerText()).toContain("Parcel");
});

test("code is applied only after its difference was shown and accepted, as one step of undo", async () => {
  const { chat, page } = workbench();
  const before = readFileSync(join(folder, "README.md"), "utf8");
  await chat.getByRole("button", { name: "Apply to the editor, after a look at the difference" }).click();
  await page.locator(".tab.active", { hasText: "Code of an answer" }).waitFor();
  await workbench().screenshot("apply");
  expect(readFileSync(join(folder, "README.md"), "utf8")).toBe(before);
  await workbench().run("Repo Memory: Apply This Change");
  await page.locator(".tab.active", { hasText: /^README\.md/ }).waitFor();
  const lines = page.locator(".editor-instance .view-lines").first();
  await expect.poll(() => lines.innerText()).toContain("createServer(handle)");
  await lines.click();
  await page.keyboard.press("Control+Z");
  await expect.poll(() => lines.innerText()).not.toContain("createServer(handle)");
});

test("a question is changed and sent again in its place; an answer is made anew", async () => {
  const { chat, page } = workbench();
  await workbench().newChat();
  await askOn("First?", 1);
  await askOn("Second?", 2);
  await chat.getByRole("button", { name: "Edit and ask again" }).first().focus();
  await page.keyboard.press("Enter");
  await chat.getByRole("textbox", { name: "The question, to be changed" }).fill("Changed?");
  await page.keyboard.press("Enter");
  await chat.locator(".question", { hasText: "Changed?" }).waitFor();
  await expect.poll(() => chat.getByRole("article").count()).toBe(1);
  await chat.getByText("384 tokens of memory").waitFor();
  await chat.getByRole("button", { name: "Ask again", exact: true }).click();
  await chat.getByText("Looking in the memory").or(chat.getByText("384 tokens of memory")).first().waitFor();
  await expect.poll(() => chat.getByRole("article").count()).toBe(1);
});

test("the model is chosen from the panel", async () => {
  const { chat, page } = workbench();
  await chat.getByRole("button", { name: "Scripted" }).click();
  const rows = page.locator(".quick-input-list .monaco-list-row");
  await expect.poll(() => rows.allInnerTexts()).toEqual(expect.arrayContaining([expect.stringContaining("Scripted")]));
  await page.keyboard.press("Escape");
});
