import { expect, test } from "vitest";
import { expectShown, type Workbench } from "../workbench.ts";
import { testWindows } from "./test-windows.ts";

const openWindow = testWindows();

async function open(settings: Record<string, unknown> = {}): Promise<Workbench> {
  const workbench = await openWindow({ settings });
  await workbench.page.locator(".statusbar-item", { hasText: "Memory" }).waitFor();
  return workbench;
}

test("the walkthrough goes from an open folder to an answered question", async () => {
  const workbench = await open({ "repoMemory.model": "missing" });
  const { page } = workbench;
  await workbench.run("Repo Memory: Get Started");
  const steps = page.locator(".getting-started-step");
  await expectShown(steps.filter({ hasText: "Choose a model" }));
  await workbench.screenshot("walkthrough");
  await steps.filter({ hasText: "Choose a model" }).click();
  await page.locator(".monaco-button", { hasText: "Choose a model" }).click();
  await page.locator(".quick-input-list").getByText("missing", { exact: true }).click();
  await expectShown(page.getByRole("dialog").getByText("Download 98 MB?"));
  await workbench.screenshot("download-question");
  await page.getByRole("dialog").getByRole("button", { name: "Download", exact: true }).click();
  await steps.filter({ hasText: "Ask your first question" }).click();
  await page.getByRole("button", { name: "Ask what this project is for" }).click();
  await expect.poll(() => page.locator("iframe.webview.ready").count(), { timeout: 60_000 }).toBeGreaterThan(1);
  // The walkthrough's picture is a page of its own, too.
  await expectShown((await workbench.panelAt(".part.auxiliarybar")).getByText("384 tokens of memory"));
  const ticked = page.locator(".getting-started-step .codicon-getting-started-step-checked.complete");
  await expect.poll(() => ticked.count()).toBe(4);
  await workbench.screenshot("walkthrough-done");
});

test("models of other programs are offered before downloads, each with size and licence", async () => {
  const workbench = await open();
  const { page } = workbench;
  await workbench.run("Repo Memory: Choose a Model");
  const rows = page.locator(".quick-input-list .monaco-list-row");
  await expectShown(rows.filter({ hasText: "colossal-70b" }));
  const texts = await rows.allInnerTexts();
  const at = (part: string) => texts.findIndex((text) => text.includes(part));
  expect(at("qwen2.5-coder:1.5b")).toBeLessThan(at("small-0.1b"));
  expect(at("small-0.1b")).toBeLessThan(at("colossal-70b"));
  expect(texts[at("qwen2.5-coder:1.5b")]).toContain("986 MB · apache-2.0 · Ollama");
  expect(texts[at("small-0.1b")]).toContain("Suggested for this machine");
  expect(texts[at("colossal-70b")]).toContain("Needs 1,000 TB of memory; this machine has");
  await workbench.screenshot("models");
});

test("a model on this machine is used without a download, and stays chosen", async () => {
  const workbench = await open();
  const { page } = workbench;
  await workbench.run("Repo Memory: Choose a Model");
  await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "qwen2.5-coder:1.5b" }).click();
  await workbench.run("Preferences: Open Remote Settings (JSON)");
  await expectShown(page.locator(".view-lines").getByText("/models/blobs/sha256-1"));
});

test("a download shows its progress, can be cancelled, and goes on where it was", async () => {
  const workbench = await open({ "repoMemory.model": "missing-held" });
  const { page } = workbench;
  await workbench.run("Repo Memory: Download a Model");
  await page.getByRole("dialog").getByRole("button", { name: "Download", exact: true }).click();
  const toast = await workbench.notified("49 MB of 98 MB · 21 MB a second · less than a minute left");
  await workbench.screenshot("downloading");
  await toast.getByText("Downloading a model").hover();
  await toast.getByRole("button", { name: "Cancel" }).click();
  const stopped = await workbench.notified("The download was stopped. What is there is kept.");
  await stopped.getByRole("button", { name: "Go on" }).click();
  await expectShown(page.locator(".statusbar-item", { hasText: "Memory" }).locator(".codicon-database"));
});
