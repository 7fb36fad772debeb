import * as vscode from "vscode";
import type { LineRange } from "../engine/protocol/requests.ts";
import { citationTarget } from "./citation-target.ts";

/** Opens the lines that a citation names and selects them; says so when they are not in the folder (any more). */
export async function openCitation(
  folder: vscode.WorkspaceFolder,
  { path, startLine, endLine }: LineRange,
): Promise<void> {
  const file = await citationTarget(folder.uri.fsPath, path);
  if (file === undefined) {
    void vscode.window.showWarningMessage(vscode.l10n.t("{0} is not in {1} any more.", path, folder.name));
    return;
  }
  const document = await vscode.workspace.openTextDocument(folder.uri.with({ path: uriPath(file) }));
  const first = Math.min(startLine, document.lineCount) - 1;
  const last = Math.min(Math.max(startLine, endLine), document.lineCount) - 1;
  const selection = new vscode.Range(first, 0, last, document.lineAt(last).text.length);
  const editor = await vscode.window.showTextDocument(document, { selection, preview: true });
  editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** A file's path as a URI has it, on Windows too. */
function uriPath(file: string): string {
  return vscode.Uri.file(file).path;
}
