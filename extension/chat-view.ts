import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { LineRange } from "../engine/protocol/requests.ts";
import { type HostMessage, readViewMessage, type ViewMessage } from "../webview/protocol/messages.ts";
import type { Host } from "./host.ts";
import { openCitation } from "./open-citation.ts";
import { Throttle } from "./throttle.ts";
import { engineView } from "./view-model.ts";

/** The view's id in package.json. */
const VIEW = "repoMemory.chat";

/** The chat panel: shows what the host tells it and does what the user asks in it. Holds no state of its own. */
export class ChatView implements vscode.WebviewViewProvider {
  readonly #host: Host;
  readonly #extension: vscode.Uri;
  #view: vscode.WebviewView | undefined;
  /** Messages reach a page only after it said that it listens. */
  #listening = false;
  #focusWhenReady = false;

  constructor(host: Host, extension: vscode.Uri) {
    this.#host = host;
    this.#extension = extension;
  }

  /** Registers the view and connects it to the host. */
  static register(host: Host, extension: vscode.Uri): { view: ChatView; disposable: vscode.Disposable } {
    const view = new ChatView(host, extension);
    const memory = new Throttle(() => view.#post({ type: "memory", memory: host.memory.value }));
    const disposable = vscode.Disposable.from(
      vscode.window.registerWebviewViewProvider(VIEW, view),
      host.onMessage((message) => view.#post(message)),
      host.memory.onChange(() => memory.request()),
      memory,
    );
    return { view, disposable };
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    this.#listening = false;
    const roots = ["dist/webview", "media"].map((folder) => vscode.Uri.joinPath(this.#extension, folder));
    view.webview.options = { enableScripts: true, enableForms: false, localResourceRoots: roots };
    view.webview.onDidReceiveMessage((message: unknown) => this.#received(message));
    view.onDidDispose(() => {
      if (this.#view === view) this.#view = undefined;
      this.#listening = false;
    });
    view.webview.html = page(view.webview, this.#extension);
    this.#host.begin();
  }

  /** Opens the panel with the cursor in the question. */
  async focus(): Promise<void> {
    this.#focusWhenReady = true;
    await vscode.commands.executeCommand(`${VIEW}.focus`);
    if (this.#listening) this.#focusQuestion();
  }

  #focusQuestion(): void {
    this.#focusWhenReady = false;
    this.#post({ type: "focus" });
  }

  #post(message: HostMessage): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- VS Code's own method, not the window's
    if (this.#listening) void this.#view?.webview.postMessage(message);
  }

  #received(message: unknown): void {
    const known = readViewMessage(message);
    if (!known) return this.#host.log.warn("The panel sent a message that is none of its own; it is ignored.");
    if (known.type === "ready") this.#start();
    else void this.#act(known).catch((error: unknown) => this.#host.log.error(String(error)));
  }

  #start(): void {
    this.#listening = true;
    const { conversation, engine, memory } = this.#host;
    this.#post({ type: "transcript", turns: [...conversation.turns] });
    this.#post({ type: "engine", engine: engineView(engine.state.value) });
    this.#post({ type: "memory", memory: memory.value });
    if (this.#focusWhenReady) this.#focusQuestion();
  }

  async #act(message: Exclude<ViewMessage, { type: "ready" }>): Promise<void> {
    const { conversation } = this.#host;
    if (message.type === "ask") await conversation.ask(message.question);
    else if (message.type === "retry") await conversation.retry(message.id);
    else if (message.type === "stop") conversation.stop();
    else if (message.type === "open") await this.#open(message);
    else if (message.type === "link") await openLink(message.url);
    else if (message.type === "copy") await vscode.env.clipboard.writeText(message.text);
    else await vscode.commands.executeCommand(commandFor[message.type]);
  }

  async #open(citation: LineRange): Promise<void> {
    const folder = this.#host.folder();
    if (folder) await openCitation(folder, citation);
  }
}

/** Buttons of the panel that do what a command does. */
const commandFor = {
  newChat: "repoMemory.newChat",
  pause: "repoMemory.pause",
  resume: "repoMemory.resume",
  read: "repoMemory.read",
  download: "repoMemory.downloadModel",
  restart: "repoMemory.restartEngine",
  showLog: "repoMemory.showLog",
  chooseFolder: "repoMemory.chooseFolder",
  trust: "workbench.trust.manage",
  openFolder: "vscode.openFolder",
} as const;

/** Links were written by a model: the whole address is shown before anything is opened. */
async function openLink(url: string): Promise<void> {
  const open = vscode.l10n.t("Open");
  const question = vscode.l10n.t("Open this address, which the model wrote?");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail: url }, open)) !== open) return;
  await vscode.env.openExternal(vscode.Uri.parse(url, true));
}

/** The panel's page: nothing but the bundled script, style and icon font may load. */
function page(webview: vscode.Webview, extension: vscode.Uri): string {
  const file = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(extension, "dist/webview", name)).toString();
  const nonce = randomBytes(16).toString("base64");
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${file("chat.css")}">
<title>Repo Memory</title>
</head>
<body>
<div id="root"></div>
<script type="module" nonce="${nonce}" src="${file("main.js")}"></script>
</body>
</html>`;
}
