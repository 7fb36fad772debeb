import type { Locator } from "playwright-core";
import type { Workbench } from "../workbench.ts";

/** Keys that come while the window is busy with something else are lost: they are pressed again after a while. */
const PATIENCE_MS = 5000;
const MOST_ATTEMPTS = 8;

/** Opens a file by its name and puts the cursor there, both 1-based. */
export async function openAt({ page }: Workbench, file: string, line: number, column: number): Promise<void> {
  const position = page.getByText(`Ln ${line}, Col ${column}`, { exact: true });
  const input = page.locator(".quick-input-widget input").first();
  const tab = page.locator(".tab.active", { hasText: file }).first();
  const row = page.locator(".quick-input-list .monaco-list-row").filter({ hasText: file }).first();
  // What had the focus before may take it back, which closes the list: until the cursor is there.
  for (let attempts = 1; !((await tab.isVisible()) && (await position.isVisible())); attempts++) {
    try {
      await page.keyboard.press("ControlOrMeta+P");
      await input.fill(`${file}:${line}:${column}`, { timeout: PATIENCE_MS });
      await row.waitFor({ timeout: PATIENCE_MS });
      await page.keyboard.press("Enter");
      await tab.waitFor({ timeout: PATIENCE_MS });
      await position.waitFor({ timeout: PATIENCE_MS });
    } catch (error) {
      if (attempts === MOST_ATTEMPTS) throw error;
    }
  }
}

/** Opens the light bulb's menu at the cursor with the keyboard, once there is a bulb. */
export async function openActions({ page }: Workbench): Promise<Locator> {
  const menu = page.locator(".action-widget").first();
  await page
    .locator("[class*='codicon-light-bulb'], [class*='codicon-gutter-lightbulb'], .codicon-lightbulb")
    .first()
    .waitFor();
  for (let attempts = 1; !(await menu.isVisible()); attempts++) {
    await page.keyboard.press("ControlOrMeta+.");
    await menu.waitFor({ timeout: PATIENCE_MS }).catch((error: unknown) => {
      if (attempts === MOST_ATTEMPTS) throw error;
    });
  }
  return menu;
}

/** Takes an action of the menu. */
export async function takeAction(menu: Locator, title: string): Promise<void> {
  await menu.locator(".monaco-list-row").filter({ hasText: title }).first().click();
}

/** What CSS shows behind a line of an editor: texts that decorations add are no part of the page's own. */
export async function addedTexts({ page }: Workbench): Promise<string[]> {
  const texts = await page
    .locator(".monaco-editor .view-line span")
    .evaluateAll((spans) => spans.map((span) => getComputedStyle(span, "::after").content));
  return [...new Set(texts.filter((text) => text.includes("%")).map((text) => text.replaceAll('"', "")))];
}
