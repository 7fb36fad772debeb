import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { developmentPayload, type ServerOptions, startServer, type VsCodeServer } from "./vscode-server.ts";

const screenshots = fileURLToPath(new URL("../../.cache/screenshots/", import.meta.url));

/** The window's size in screenshots, in pixels. */
const VIEWPORT = { width: 1280, height: 800 };

/** Longest wait for anything in the window, in milliseconds. */
const PATIENCE = 90_000;

/** Entries of the command palette that may stand before the one whose title was typed. */
const MOST_STEPS = 12;

/** A window of a real VS Code with this extension, and what tests do in it. */
export class Workbench {
  readonly page: Page;
  /** The chat panel's page. */
  readonly chat: FrameLocator;
  readonly #server: VsCodeServer;

  private constructor(page: Page, server: VsCodeServer) {
    this.page = page;
    this.chat = page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
    this.#server = server;
  }

  /** Opens a folder, or a file that ends in `.code-workspace`, in a new window of a new server. */
  static async open(browser: Browser, folder: string, options: ServerOptions = {}): Promise<Workbench> {
    const server = await startServer(options);
    const page = await (
      await browser.newContext({ viewport: VIEWPORT, locale: options.language ?? "en-US" })
    ).newPage();
    if (options.language !== undefined) await page.addInitScript(speak, options.language);
    // A model, a server and a browser share what the machine has.
    page.setDefaultTimeout(PATIENCE);
    const workbench = new Workbench(page, server);
    const payload = [...developmentPayload(server.authority), ["skipWelcome", "true"]];
    await page.goto(
      `${server.url}/?${folder.endsWith(".code-workspace") ? "workspace" : "folder"}=${folder}&payload=${encodeURIComponent(JSON.stringify(payload))}`,
    );
    await page.locator(".monaco-workbench .activitybar").waitFor({ timeout: 120_000 });
    return workbench;
  }

  /** Opens the chat panel, `width` pixels wide. */
  async openChat(width = 420): Promise<void> {
    // Commands can be run once the extension is there.
    await this.page.locator('.statusbar-item[id*="repoMemory"]').first().waitFor({ timeout: 60_000 });
    await this.run("Repo Memory: Ask About This Repository");
    await this.question.waitFor({ timeout: 60_000 });
    await this.#widen(width);
  }

  /** The panel in the side bar, where another one is open in a tab: webviews lie over the window, so by its place. */
  async panelAt(part: ".part.auxiliarybar" | ".part.editor"): Promise<FrameLocator> {
    const bar = await this.page.locator(part).first().boundingBox();
    const frames = await this.page.locator("iframe.webview.ready").all();
    for (const frame of frames) {
      const box = await frame.boundingBox();
      const middle = box ? box.x + box.width / 2 : -1;
      if (bar && middle > bar.x && middle < bar.x + bar.width)
        return frame.contentFrame().frameLocator("iframe#active-frame");
    }
    throw new Error(`No panel is in ${part}.`);
  }

  get question() {
    return this.chat.getByRole("textbox", { name: "Question about" });
  }

  async ask(question: string): Promise<void> {
    await this.question.fill(question);
    await this.question.press("Enter");
  }

  /** Starts a new chat; VS Code runs the command some time after the click, so until the panel shows it. */
  async newChat(): Promise<void> {
    await this.run("Repo Memory: New Chat");
    await this.chat.getByRole("list", { name: "Suggested questions" }).waitFor();
  }

  /** Runs a command by its title. */
  async run(title: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input").first();
    // By the keyboard: what is clicked at may have moved, as the list is sorted anew while it is filled.
    const row = this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: title }).first();
    const focused = this.page.locator(".quick-input-list .monaco-list-row.focused").filter({ hasText: title });
    // What had the focus before may take it back, which closes the list, or an extension's commands are not known yet: until it stays.
    for (let attempts = 1; ; attempts++) {
      await this.page.keyboard.press("F1");
      try {
        await input.fill(`>${title}`, { timeout: 5000 });
        await row.waitFor({ timeout: 10_000 });
        for (let steps = 0; steps < MOST_STEPS && !(await focused.isVisible()); steps++) await input.press("ArrowDown");
        await focused.waitFor({ timeout: 1000 });
        await input.press("Enter");
        return await row.waitFor({ state: "hidden", timeout: 5000 });
      } catch (error) {
        if (attempts === 4) throw error;
        await this.page.keyboard.press("Escape");
      }
    }
  }

  /** Picks an entry of the list that a command opened. */
  async choose(label: string): Promise<void> {
    await this.page.locator(".quick-input-widget input").first().fill(label);
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: label }).first().click();
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  }

  /** Chooses from the context menu of what is pointed at; a menu takes no click in its first moments, so until it has closed. */
  async chooseInMenu(target: Locator, label: string): Promise<void> {
    await target.click({ button: "right" });
    const item = this.page.getByRole("menuitem", { name: label });
    for (let attempts = 1; attempts === 1 || (await item.isVisible()); attempts++) {
      await item.click({ timeout: 10_000 });
      await item.waitFor({ state: "hidden", timeout: 5000 }).catch((error: unknown) => {
        if (attempts === 4) throw error;
      });
    }
  }

  /** Opens the notification centre: with the driver of tests, VS Code shows none by themselves. */
  async notifications(): Promise<Locator> {
    const center = this.page.locator(".notifications-center");
    if (!(await center.isVisible())) await this.page.locator('[id="status.notifications"]').click();
    await center.waitFor();
    return center;
  }

  /** Waits for a notification with this text. The centre closes when it is empty: it is opened until it holds the text. */
  async notified(text: string): Promise<Locator> {
    for (let looks = 1; ; looks++) {
      const center = await this.notifications();
      const isTold = await center
        .getByText(text)
        .first()
        .waitFor({ timeout: 1000 })
        .then(
          () => true,
          () => false,
        );
      if (isTold) return center;
      if (looks * 1000 >= PATIENCE) throw new Error(`No notification says "${text}".`);
    }
  }

  async screenshot(name: string): Promise<void> {
    mkdirSync(screenshots, { recursive: true });
    // Away from what would show that it is pointed at.
    await this.page.mouse.move(VIEWPORT.width - 60, 20);
    await this.page.screenshot({ path: `${screenshots}${name}.png` });
  }

  async close(): Promise<void> {
    await this.page.context().close();
    await this.#server.stop();
  }

  /** Drags the edge of the secondary side bar, which is at the window's right. */
  async #widen(width: number): Promise<void> {
    const bar = await this.page.locator(".part.auxiliarybar").boundingBox();
    if (!bar) return;
    const edge = bar.x - 2;
    await this.page.mouse.move(edge, 400);
    await this.page.mouse.down();
    await this.page.mouse.move(edge + bar.width - width, 400, { steps: 4 });
    await this.page.mouse.up();
  }
}

/** Fails unless it is shown within Playwright's time. */
export async function expectShown(locator: Locator): Promise<void> {
  await locator.waitFor();
}

/** Runs in the page before VS Code: the name under which VS Code finds its language. A language pack would also bring its own sentences. */
function speak(language: string): void {
  Object.defineProperty(globalThis, "_VSCODE_NLS_LANGUAGE", { value: language, writable: false });
}
