import { expect, test } from "vitest";
import { expectShown, type Workbench } from "../workbench.ts";
import { testWindows } from "./test-windows.ts";

const openWindow = testWindows();
const open = (settings: Record<string, unknown> = {}) => openWindow({ settings });

function statusItem({ page }: Workbench) {
  return page.locator(".statusbar-item", { hasText: "Memory" });
}

test("the status bar tells how far a reading is, how fast and how long, and its list pauses and resumes it", async () => {
  const workbench = await open({ "repoMemory.model": "held" });
  const { page } = workbench;
  const item = statusItem(workbench);
  await expectShown(item.getByText("Memory 50%"));
  await item.hover();
  const hover = page.locator(".monaco-hover");
  await expectShown(hover.getByText("2,100 of 4,200 tokens in memory"));
  const text = await hover.innerText();
  for (const fact of ["parcel-tracker is being read.", "1,240 tokens a second", "less than a minute left"])
    expect(text).toContain(fact);
  await workbench.screenshot("status-reading");
  await item.click();
  await page.locator(".quick-input-list").getByText("Pause reading").click();
  await expectShown(item.locator(".codicon-debug-pause"));
  await item.click();
  await page.locator(".quick-input-list").getByText("Resume reading").click();
  await expectShown(item.locator(".codicon-database"));
  await item.hover();
  await expectShown(hover.getByText("4,200 of 4,200 tokens in memory, 6 files"));
  const done = await hover.innerText();
  for (const fact of ["parcel-tracker is in memory.", "Model: Scripted", "Runs on: CPU", "Disk: 3.8 MB of 10 GB"])
    expect(done).toContain(fact);
  await workbench.screenshot("status-ready");
});

test("the language status says the same beside the file's language", async () => {
  const workbench = await open();
  const { page } = workbench;
  await expectShown(statusItem(workbench).locator(".codicon-database"));
  await workbench.run("Go to File");
  await page.locator(".quick-input-widget input").first().fill("server.ts");
  await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "server.ts" }).first().click();
  await expectShown(page.locator(".tab.active", { hasText: "server.ts" }));
  await page.locator('[id="status.languageStatus"]').hover();
  await expectShown(page.locator(".monaco-hover").getByText("4,200 of 4,200 tokens in memory, 6 files"));
});

test("a file is forgotten from the explorer's menu, and the whole workspace after a question", async () => {
  const workbench = await open();
  const { page } = workbench;
  const item = statusItem(workbench);
  await expectShown(item.locator(".codicon-database"));
  const file = page.locator(".explorer-viewlet").getByText("README.md");
  await workbench.chooseInMenu(file, "Forget This File in Memory");
  await workbench.notified("Files forgotten: 1.");
  await workbench.run("Repo Memory: Forget This Workspace");
  await expectShown(page.getByText("Forget everything that was read of parcel-tracker?"));
  await page.getByRole("dialog").getByRole("button", { name: "Forget", exact: true }).click();
  await item.hover();
  await expectShown(page.locator(".monaco-hover").getByText("Nothing of parcel-tracker is in memory yet."));
});

test("everything is read again after a question", async () => {
  const workbench = await open();
  const { page } = workbench;
  const item = statusItem(workbench);
  await expectShown(item.locator(".codicon-database"));
  await workbench.run("Repo Memory: Read Everything Again");
  await page.getByRole("dialog").getByRole("button", { name: "Read again" }).click();
  await item.hover();
  await expectShown(page.locator(".monaco-hover").getByText("4,200 of 4,200 tokens in memory, 6 files"));
});

test("the look-up is trained with progress, and says what that brought", async () => {
  const workbench = await open();
  const { page } = workbench;
  await expectShown(statusItem(workbench).locator(".codicon-database"));
  await workbench.run("Repo Memory: Train the Look-up");
  await page.getByRole("dialog").getByRole("button", { name: "Train", exact: true }).click();
  await workbench.notified("71% of held-out questions (before: 52%)");
});

test("a training can be stopped", async () => {
  const workbench = await open({ "repoMemory.model": "held", "repoMemory.readAutomatically": false });
  const { page } = workbench;
  await expectShown(statusItem(workbench).locator(".codicon-database"));
  await workbench.run("Repo Memory: Train the Look-up");
  await page.getByRole("dialog").getByRole("button", { name: "Train", exact: true }).click();
  const training = await workbench.notified("50% · 5 min left");
  await workbench.screenshot("status-training");
  await training.getByText("Training the look-up").hover();
  await training.getByRole("button", { name: "Cancel" }).click();
  await expect.poll(() => training.getByText("Training the look-up").count()).toBe(0);
});

test("an error colours the item, and its list begins with what helps", async () => {
  const workbench = await open({ "repoMemory.model": "missing" });
  const { page } = workbench;
  const item = statusItem(workbench);
  await expectShown(item.locator(".codicon-warning"));
  await item.hover();
  await expectShown(page.locator(".monaco-hover").getByText("There is no model on this machine yet."));
  await expectShown(page.locator(".monaco-hover").getByText("Download one (98 MB)"));
  await item.click();
  await expectShown(page.locator(".quick-input-list .monaco-list-row").first().getByText("Choose a model"));
  await workbench.screenshot("status-error");
});
