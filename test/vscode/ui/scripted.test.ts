import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../chromium.ts";
import { sampleProject } from "../sample-project.ts";
import { Workbench } from "../workbench.ts";

const scripted = fileURLToPath(new URL("../scripted-engine.ts", import.meta.url));
const project = sampleProject();
let browser: Browser;
let workbench: Workbench;

beforeAll(async () => {
  browser = await launchChromium();
  workbench = await Workbench.open(browser, project.folder, { env: { REPO_MEMORY_TEST_ENGINE: scripted } });
  await workbench.openChat();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail")
    await workbench.screenshot(`failed-${task.name.slice(0, 30).replaceAll(" ", "-")}`);
});

afterAll(async () => {
  await workbench?.close();
  await browser?.close();
  project.remove();
});

test("an empty chat offers questions, and says what is in memory", async () => {
  const { chat } = workbench;
  await chat.getByText("files · ").waitFor();
  expect(await chat.getByRole("list", { name: "Suggested questions" }).getByRole("button").count()).toBe(3);
  await workbench.screenshot("empty");
});

test("an answer is streamed as Markdown, and its citation opens the lines", async () => {
  const { chat, page } = workbench;
  await workbench.ask("How does the service start?");
  await chat.getByText("384 tokens of memory").waitFor();
  expect(await chat.locator(".markdown .code-block code").innerText()).toContain("createServer(handle)");
  await workbench.screenshot("answer");
  await chat.getByRole("button", { name: "Open src/server.ts, lines 3 to 9" }).click();
  await page.locator(".tab.active", { hasText: "server.ts" }).waitFor();
  await page.getByText(/^Ln 9, Col 23 \(\d+ selected\)$/).waitFor();
  await workbench.screenshot("citation");
});

test("an endless answer can be stopped, and keeps what was written", async () => {
  const { chat } = workbench;
  await workbench.ask("endless");
  await chat.getByText("word5").waitFor();
  await workbench.screenshot("streaming");
  await chat.getByRole("button", { name: "Stop the answer" }).click();
  await chat.getByText("stopped · ").waitFor();
  expect(await chat.getByRole("button", { name: "Ask", exact: true }).count()).toBe(1);
});

test("HTML, command links, scripts and images that a model writes do nothing", async () => {
  const { chat, page } = workbench;
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await workbench.newChat();
  await workbench.ask("hostile");
  const answer = chat.locator(".markdown");
  await chat.getByText("384 tokens of memory").waitFor();
  expect(await answer.locator("script, img, iframe, a[href], [onerror]").count()).toBe(0);
  expect(await answer.innerText()).toContain("<script>document.title");
  expect(await answer.locator("a").allInnerTexts()).toEqual(["web"]);
  expect(await chat.locator("html").evaluate(() => document.title)).toBe("Repo Memory");
  await answer.locator("a").click();
  await page.getByRole("dialog").getByText("https://example.com/page").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  expect(requests.filter((url) => url.includes("example.com"))).toEqual([]);
});

test("an error says what happened, what it means and what to do", async () => {
  const { chat } = workbench;
  await workbench.ask("fail");
  await chat.getByText("The model file is damaged").waitFor();
  await workbench.screenshot("error");
  expect(await chat.getByRole("button", { name: "Show log" }).count()).toBe(1);
});

test("a dead engine is started again, and the panel says so", async () => {
  const { chat } = workbench;
  await workbench.newChat();
  await workbench.ask("crash");
  await chat.getByText("The engine stopped. Starting it again").waitFor();
  await workbench.screenshot("restarting");
  await chat.getByText("6 files · ").waitFor();
  await workbench.ask("How does the service start?");
  await chat.getByText("384 tokens of memory").waitFor();
  expect(await chat.getByRole("article").count()).toBe(2);
});

test("the selection is explained from a command", async () => {
  const { chat, page } = workbench;
  await workbench.newChat();
  // A new chat takes the focus when it is drawn, which may be after the click: until the editor says that all is selected.
  const selectAll = async () => {
    await page.locator(".monaco-editor .view-line").first().click();
    await page.keyboard.press("Control+A");
    return page.getByText(/\(\d+ selected\)$/).count();
  };
  await expect.poll(selectAll, { timeout: 60_000, interval: 1 }).toBe(1);
  await workbench.run("Repo Memory: Explain This Across Repo");
  await chat.getByRole("button", { name: "src/server.ts:1-17" }).waitFor();
  await chat.getByText("384 tokens of memory").waitFor();
  expect(await chat.locator(".question p").innerText()).toContain("Explain startServer across the repository");
  await workbench.screenshot("explain");
});

test("the panel can be used with the keyboard alone", async () => {
  const { chat, page } = workbench;
  await workbench.newChat();
  await workbench.question.focus();
  await page.keyboard.type("How does the service start?");
  await page.keyboard.press("Enter");
  await chat.getByText("384 tokens of memory").waitFor();
  const status = chat.getByRole("status");
  expect(await status.innerText()).toBe("Answer complete, with 3 sources.");
  await chat.getByRole("button", { name: "Open src/config.ts" }).focus();
  await page.keyboard.press("Enter");
  await page.locator(".tab.active", { hasText: "config.ts" }).waitFor();
});
