import * as vscode from "vscode";
import { registerActions } from "./actions/register-actions.ts";
import { registerAttention } from "./attention/show-attention.ts";
import { ChatView } from "./chat-view.ts";
import { registerChatCommands } from "./chats/chat-commands.ts";
import { registerCommands } from "./commands.ts";
import { registerExplain } from "./explain/explain-command.ts";
import { followFirstRun } from "./first-run/first-run.ts";
import { Host } from "./host.ts";
import { showDownloads } from "./models/show-download.ts";
import { changesEngine, readsAutomatically } from "./settings.ts";
import { shareMemory } from "./sharing/register-sharing.ts";
import { showStatus } from "./status-bar.ts";
import { watchWorkspace } from "./workspace-watcher.ts";

/** Names another engine program for tests; read only when VS Code runs the extension for development or tests. */
const TEST_ENGINE = "REPO_MEMORY_TEST_ENGINE";

/** Set by who opens a window just to show the chat. */
const SHOW_CHAT = "REPO_MEMORY_SHOW_CHAT";

let host: Host | undefined;

/** Called by VS Code once a window. Returns at once: the engine starts in its own process. */
export function activate(context: vscode.ExtensionContext): Host {
  const log = vscode.window.createOutputChannel("Repo Memory", { log: true });
  const started = new Host(context, log, engineFile(context));
  const { view, disposable } = ChatView.register(started, context.extensionUri);
  context.subscriptions.push(
    log,
    disposable,
    registerCommands(started, view),
    registerChatCommands(started, view),
    registerExplain(started, view),
    registerActions(started),
    registerAttention(started),
    showStatus(started),
    showDownloads(started),
    followFirstRun(started),
    watchWorkspace(started),
    shareMemory(started, context),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (changesEngine(event) && started.engine.state.value.kind !== "stopped") void started.engine.restart();
    }),
  );
  if (readsAutomatically()) context.subscriptions.push(afterActivation(() => started.begin()));
  if (process.env[SHOW_CHAT] !== undefined) void view.focus();
  host = started;
  return started;
}

/** Starting a process holds its parent up for some milliseconds: VS Code's other extensions do not wait for them. */
function afterActivation(start: () => void): vscode.Disposable {
  const timer = setTimeout(start);
  return new vscode.Disposable(() => clearTimeout(timer));
}

/** Called by VS Code when the window closes or the extension is switched off. */
export async function deactivate(): Promise<void> {
  await host?.engine.stop();
}

function engineFile(context: vscode.ExtensionContext): string {
  const other = context.extensionMode === vscode.ExtensionMode.Production ? undefined : process.env[TEST_ENGINE];
  return other ?? context.asAbsolutePath("dist/engine.js");
}
