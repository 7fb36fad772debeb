import * as vscode from "vscode";
import type { ChatView } from "../chat-view.ts";
import type { Host } from "../host.ts";
import { exportChat } from "./save-chat.ts";

/** Registers the commands about chats. */
export function registerChatCommands(host: Host, view: ChatView): vscode.Disposable {
  const commands: Record<string, () => unknown> = {
    "repoMemory.newChat": () => newChat(host, view),
    "repoMemory.chats": async () => (await view.focus())?.postWhenReady({ type: "showChats" }),
    "repoMemory.openInEditor": () => view.tabs.open(host.chats.current),
    "repoMemory.exportChat": () => exportChat(host, host.chats.current.id),
  };
  const registered = Object.entries(commands).map(([id, run]) =>
    vscode.commands.registerCommand(id, async () => {
      await host.chats.loaded;
      await run();
    }),
  );
  return vscode.Disposable.from(...registered);
}

async function newChat({ chats }: Host, view: ChatView): Promise<void> {
  const chat = chats.fresh();
  const tab = view.tabs.active();
  if (tab) tab.show(chat);
  await view.focus();
}
