import { join } from "node:path";
import * as vscode from "vscode";
import type { HostMessage } from "../../webview/protocol/messages.ts";
import { ChatFiles } from "./chat-files.ts";
import { Chats, type ChatsPorts } from "./chats.ts";

/** Under which the chat that was open last is kept. */
const LAST_KEY = "chats.last";

/** The chats of a window, and what they say. */
export interface WindowChats {
  chats: Chats;
  /** What a chat tells the pages that show it. */
  onMessage: vscode.Event<{ chat: string; message: HostMessage }>;
  /** The list of chats, or something in it, is another. */
  onChats: vscode.Event<void>;
}

/** Opens the chats of this workspace; without a workspace they last as long as the window. */
export function openChats(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  ports: Pick<ChatsPorts, "ask" | "links">,
): WindowChats {
  const told = new vscode.EventEmitter<{ chat: string; message: HostMessage }>();
  const listed = new vscode.EventEmitter<void>();
  const files = context.storageUri && new ChatFiles(join(context.storageUri.fsPath, "chats"));
  const chats = new Chats(
    {
      ...ports,
      l10n: vscode.l10n,
      tell: (chat, message) => told.fire({ chat, message }),
      changed: () => listed.fire(),
      failed: (error) => log.error(`A chat could not be kept: ${String(error)}`),
      now: Date.now,
    },
    files,
    context.workspaceState.get<string>(LAST_KEY),
  );
  const remember = listed.event(() => void context.workspaceState.update(LAST_KEY, chats.current.id));
  context.subscriptions.push(told, listed, remember);
  return { chats, onMessage: told.event, onChats: listed.event };
}
