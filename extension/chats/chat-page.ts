import * as vscode from "vscode";
import { type HostMessage, readViewMessage, type ViewMessage } from "../../webview/protocol/messages.ts";
import type { Host } from "../host.ts";
import { Throttle } from "../throttle.ts";
import { engineView } from "../view-model.ts";
import { activeThemeRules, onActiveTheme } from "./active-theme.ts";
import { type Chat, chatView, titleOf } from "./chats.ts";
import { actOn } from "./page-actions.ts";
import { pageHtml, pageRoots } from "./page-html.ts";

/** One page with the panel in it, in the side bar or in an editor tab: shows a chat, and does what the user asks in it. */
export class ChatPage {
  readonly host: Host;
  readonly #webview: vscode.Webview;
  readonly #subscriptions: { dispose(): unknown }[];
  readonly #onTitle: ((title: string) => void) | undefined;
  /** Messages reach a page only after it said that it listens. */
  #listening = false;
  #waiting: HostMessage[] = [];
  #chat: Chat;
  #query = "";

  /** @param chat what the page shows first */
  constructor(
    host: Host,
    webview: vscode.Webview,
    extension: vscode.Uri,
    chat: Chat,
    onTitle?: (title: string) => void,
  ) {
    this.host = host;
    this.#webview = webview;
    this.#chat = chat;
    this.#onTitle = onTitle;
    const memory = new Throttle(() => this.post({ type: "memory", memory: host.memory.value }));
    webview.options = { enableScripts: true, enableForms: false, localResourceRoots: pageRoots(extension) };
    this.#subscriptions = [
      webview.onDidReceiveMessage((message: unknown) => this.#received(message)),
      host.onMessage(({ chat: id, message }) => id === this.#chat.id && this.post(message)),
      host.onChats(() => this.#chatsChanged()),
      host.engine.state.onChange((state) => this.post({ type: "engine", engine: engineView(state, vscode.l10n) })),
      host.memory.onChange(() => memory.request()),
      memory,
      onActiveTheme(() => void this.#tellSyntax()),
    ];
    webview.html = pageHtml(webview, extension);
  }

  /** The chat that is shown. */
  get chat(): Chat {
    return this.#chat;
  }

  /** Shows another chat; commands ask there from now on. */
  show(chat: Chat): void {
    this.#chat = chat;
    this.host.chats.use(chat);
    this.#tellChat();
  }

  /** Puts the cursor into the question. */
  focus(): void {
    this.postWhenReady({ type: "focus" });
  }

  /** Tells the page something once it listens. */
  postWhenReady(message: HostMessage): void {
    if (this.#listening) this.post(message);
    else this.#waiting.push(message);
  }

  /** Tells the page something, if it listens. */
  post(message: HostMessage): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- VS Code's own method, not the window's
    if (this.#listening) void this.#webview.postMessage(message);
  }

  /** Lists the chats that have `query` in them, also whenever they change. */
  search(query: string): void {
    this.#query = query;
    this.post({ type: "chats", query, chats: this.host.chats.list(query) });
  }

  dispose(): void {
    this.#listening = false;
    for (const each of this.#subscriptions) each.dispose();
  }

  #received(message: unknown): void {
    const known = readViewMessage(message);
    if (!known) return this.host.log.warn("The panel sent a message that is none of its own; it is ignored.");
    if (known.type === "ready") void this.#start(known.chat);
    else void this.#act(known).catch((error: unknown) => this.host.log.error(String(error)));
  }

  async #act(message: Exclude<ViewMessage, { type: "ready" }>): Promise<void> {
    // Whoever does something in a page works in its chat: commands go there, too.
    this.host.chats.use(this.#chat);
    await actOn(this, message);
  }

  async #start(id: string | undefined): Promise<void> {
    const { chats, engine, memory } = this.host;
    const isCurrent = chats.current === this.#chat;
    await chats.loaded;
    // A page that knows of no chat goes on where the window ended.
    const before = id !== undefined ? chats.get(id) : isCurrent ? chats.current : undefined;
    if (before && this.#chat.conversation.turns.length === 0) this.#chat = before;
    this.#listening = true;
    this.#tellChat();
    this.post({ type: "engine", engine: engineView(engine.state.value, vscode.l10n) });
    this.post({ type: "memory", memory: memory.value });
    for (const message of this.#waiting.splice(0)) this.post(message);
    await this.#tellSyntax();
  }

  async #tellSyntax(): Promise<void> {
    this.post({ type: "syntax", rules: (await activeThemeRules()) ?? [] });
  }

  #chatsChanged(): void {
    const { chats } = this.host;
    // Deleted here or in another page.
    if (!chats.get(this.#chat.id)) this.show(chats.fresh());
    else this.#onTitle?.(titleOf(this.#chat));
    this.search(this.#query);
  }

  #tellChat(): void {
    this.#onTitle?.(titleOf(this.#chat));
    this.post({ type: "chat", chat: chatView(this.#chat) });
    this.search(this.#query);
  }
}
