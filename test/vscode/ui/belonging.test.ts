import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sampleProject } from "../sample-project.ts";
import { expectShown, type Workbench } from "../workbench.ts";
import { testWindows } from "./test-windows.ts";

const open = testWindows();

const statusItem = ({ page }: Workbench) => page.locator('.statusbar-item[id*="repoMemory"]').first();

test("nothing is read before the workspace is trusted, and reading begins when it is", async () => {
  const workbench = await open({ asksForTrust: true });
  const { page } = workbench;
  const item = statusItem(workbench);
  await expectShown(item.locator(".codicon-warning"));
  await item.hover();
  await expectShown(page.locator(".monaco-hover").getByText("This workspace is not trusted."));
  expect(await page.locator(".monaco-hover").innerText()).toContain("reads no files of a workspace in restricted mode");
  await workbench.screenshot("not-trusted");
  await item.click();
  await page.locator(".quick-input-list").getByText("Manage workspace trust").click();
  await page.getByRole("button", { name: "Trust", exact: true }).first().click();
  await expectShown(item.locator(".codicon-database"));
  await item.hover();
  await expectShown(page.locator(".monaco-hover").getByText("4,200 of 4,200 tokens in memory, 6 files"));
});

test("every folder of a workspace is read, and questions go to the one that is chosen", async () => {
  const [one, two] = [sampleProject(), sampleProject()];
  const place = mkdtempSync(join(tmpdir(), "repo-memory-roots-"));
  const workspace = join(place, "both.code-workspace");
  const folders = [
    { path: one.folder, name: "first" },
    { path: two.folder, name: "second" },
  ];
  writeFileSync(workspace, JSON.stringify({ folders }));
  onTestFinished(() => {
    one.remove();
    two.remove();
    rmSync(place, { recursive: true, force: true });
  });
  const workbench = await open({}, workspace);
  const { page } = workbench;
  const item = statusItem(workbench);
  for (const { name } of folders) {
    await workbench.run("Repo Memory: Choose Folder to Ask About");
    await workbench.choose(name);
    await item.hover();
    await expectShown(page.locator(".monaco-hover").getByText(`${name} is in memory.`));
    await expectShown(page.locator(".monaco-hover").getByText("4,200 of 4,200 tokens in memory"));
    await page.mouse.move(600, 300);
  }
  await workbench.openChat();
  await workbench.ask("How does the service start?");
  await expectShown(workbench.chat.getByText("384 tokens of memory"));
  expect(await workbench.chat.getByText("second").count()).toBeGreaterThan(0);
});

test.each([
  ["de", "parcel-tracker ist im Gedächtnis."],
  ["ja", "parcel-tracker はメモリにあります。"],
  ["zh-cn", "parcel-tracker 已在记忆中。"],
])("the extension speaks the editor's language: %s", async (language, sentence) => {
  const workbench = await open({ language });
  const item = statusItem(workbench);
  await expectShown(item.locator(".codicon-database"));
  await item.hover();
  await expectShown(workbench.page.locator(".monaco-hover").getByText(sentence));
  await workbench.screenshot(`language-${language}`);
  expect(await workbench.page.locator(".monaco-hover").innerText()).not.toContain("tokens in memory");
});
