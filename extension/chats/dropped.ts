import * as vscode from "vscode";
import type { Mention } from "../../webview/protocol/turn.ts";
import { citationTarget } from "../citation-target.ts";
import { pathIn } from "../open-files.ts";

/** Addresses that were dropped on the panel as files and folders of the workspace folder; others are passed over. */
export async function droppedMentions(folder: vscode.WorkspaceFolder, uris: readonly string[]): Promise<Mention[]> {
  const mentions = await Promise.all(uris.map((text) => mentionOf(folder, text)));
  return mentions.flatMap((mention) => mention ?? []);
}

async function mentionOf(folder: vscode.WorkspaceFolder, text: string): Promise<Mention | undefined> {
  try {
    const uri = vscode.Uri.parse(text, true);
    const path = pathIn(folder, uri);
    if (path === undefined || (await citationTarget(folder.uri.fsPath, path)) === undefined) return undefined;
    const { type } = await vscode.workspace.fs.stat(uri);
    return { kind: type & vscode.FileType.Directory ? "folder" : "file", path };
  } catch {
    // No address, or nothing is there.
    return undefined;
  }
}
