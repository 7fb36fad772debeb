import * as vscode from "vscode";
import { ChatPage } from "./chats/chat-page.ts";
import { ChatTabs } from "./chats/chat-tabs.ts";
import type { Host } from "./host.ts";

/** The view's id in package.json: in the secondary side bar, or in the activity bar where VS Code has no such side bar. */
const VIEWS = { secondary: "repoMemory.chat", primary: "repoMemory.chatInActivityBar" };

/** Set where VS Code has no secondary side bar for extensions; `when` clauses of package.json read it. */
const NO_SECONDARY = "repoMemory.noSecondarySideBar";

/** The first version whose secondary side bar takes views of extensions. */
const SECONDARY_SINCE = 106;

/** The chat panel in the side bar, and its tabs. Holds no state of its own. */
export class ChatView implements vscode.WebviewViewProvider {
  readonly tabs: ChatTabs;
  readonly #host: Host;
  readonly #extension: vscode.Uri;
  readonly #id: string;
  #page: ChatPage | undefined;
  #focusWhenShown = false;

  constructor(host: Host, extension: vscode.Uri, id: string) {
    this.#host = host;
    this.#extension = extension;
    this.#id = id;
    this.tabs = new ChatTabs(host, extension);
  }

  /** Registers the view and connects it to the host. */
  static register(host: Host, extension: vscode.Uri): { view: ChatView; disposable: vscode.Disposable } {
    const isOld = Number(vscode.version.split(".")[1]) < SECONDARY_SINCE && vscode.version.startsWith("1.");
    void vscode.commands.executeCommand("setContext", NO_SECONDARY, isOld);
    const id = isOld ? VIEWS.primary : VIEWS.secondary;
    const view = new ChatView(host, extension, id);
    const disposable = vscode.Disposable.from(
      vscode.window.registerWebviewViewProvider(id, view),
      view.tabs.register(),
      { dispose: () => view.#page?.dispose() },
    );
    return { view, disposable };
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const page = new ChatPage(this.#host, view.webview, this.#extension, this.#host.chats.current);
    this.#page?.dispose();
    this.#page = page;
    view.onDidDispose(() => {
      page.dispose();
      if (this.#page === page) this.#page = undefined;
    });
    this.#host.begin();
    if (this.#focusWhenShown) page.focus();
    this.#focusWhenShown = false;
  }

  /** The page that the user works in: the active tab's, else the side bar's if that was shown. */
  get page(): ChatPage | undefined {
    return this.tabs.active() ?? this.#page;
  }

  /** Opens the panel with the cursor in the question, showing the chat that commands ask in. */
  async focus(): Promise<ChatPage | undefined> {
    const tab = this.tabs.active();
    if (tab) {
      tab.focus();
      return tab;
    }
    this.#focusWhenShown = this.#page === undefined;
    await vscode.commands.executeCommand(`${this.#id}.focus`);
    await this.#host.chats.loaded;
    const { current } = this.#host.chats;
    if (this.#page && this.#page.chat !== current) this.#page.show(current);
    this.#page?.focus();
    return this.#page;
  }
}
