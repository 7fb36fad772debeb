import * as vscode from "vscode";
import type { Host } from "../host.ts";
import { ChatPage } from "./chat-page.ts";
import type { Chat } from "./chats.ts";

/** The kind of the tabs: VS Code gives them back to their serializer under this name. */
const KIND = "repoMemory.chatTab";

/** Chats in editor tabs: the same page as in the side bar, with a chat of its own. */
export class ChatTabs {
  readonly #host: Host;
  readonly #extension: vscode.Uri;
  readonly #pages = new Map<vscode.WebviewPanel, ChatPage>();

  constructor(host: Host, extension: vscode.Uri) {
    this.#host = host;
    this.#extension = extension;
  }

  /** Brings back the tabs that were open when the window closed. */
  register(): vscode.Disposable {
    return vscode.window.registerWebviewPanelSerializer(KIND, {
      // The page itself says which chat it showed.
      deserializeWebviewPanel: async (panel) => void this.#fill(panel, this.#host.chats.create()),
    });
  }

  /** Shows a chat in a tab: in the one that has it already, else in a new one. */
  open(chat: Chat): void {
    for (const [panel, page] of this.#pages) if (page.chat === chat) return panel.reveal();
    const panel = vscode.window.createWebviewPanel(KIND, "Repo Memory", vscode.ViewColumn.Active);
    this.#fill(panel, chat).focus();
  }

  /** The page in the active tab; undefined when that is none of these. */
  active(): ChatPage | undefined {
    for (const [panel, page] of this.#pages) if (panel.active) return page;
    return undefined;
  }

  #fill(panel: vscode.WebviewPanel, chat: Chat): ChatPage {
    panel.iconPath = vscode.Uri.joinPath(this.#extension, "media/activity-bar.svg");
    const page = new ChatPage(this.#host, panel.webview, this.#extension, chat, (title) => {
      panel.title = title || "Repo Memory";
    });
    this.#pages.set(panel, page);
    panel.onDidChangeViewState(() => panel.active && this.#host.chats.use(page.chat));
    panel.onDidDispose(() => {
      page.dispose();
      this.#pages.delete(panel);
    });
    this.#host.begin();
    return page;
  }
}
