import * as vscode from "vscode";
import type { Host } from "../host.ts";
import { snapshot, titleOf } from "./chats.ts";
import { chatJson, chatMarkdown } from "./export-chat.ts";

/** Saves a chat where the user says, as Markdown or JSON by the name's ending, and opens it. */
export async function exportChat(host: Host, id: string): Promise<void> {
  const chat = host.chats.get(id);
  if (!chat || chat.conversation.turns.length === 0) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("This chat has no question yet: there is nothing to export."),
    );
    return;
  }
  const name = `${fileName(titleOf(chat))}.md`;
  const home = host.folder()?.uri;
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Export Chat"),
    filters: { Markdown: ["md"], JSON: ["json"] },
    ...(home && { defaultUri: vscode.Uri.joinPath(home, name) }),
  });
  if (!target) return;
  const write = target.path.toLowerCase().endsWith(".json") ? chatJson : chatMarkdown;
  await vscode.workspace.fs.writeFile(target, Buffer.from(write(titleOf(chat), snapshot(chat))));
  await vscode.window.showTextDocument(target);
}

/** A title as a file's name that every system takes. */
function fileName(title: string): string {
  const words = title.normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-");
  return (
    words
      .replace(/^-+|-+$/g, "")
      .slice(0, 60)
      .toLowerCase() || "chat"
  );
}
