import * as vscode from "vscode";
import { proposeReplacement } from "../actions/confirmed-edit.ts";
import { isDeceiving } from "../actions/fenced-code.ts";
import { tellUnusable } from "../actions/place.ts";
import { codeTarget } from "./code-target.ts";

/** Puts code where the cursor is, in place of what is selected: one step of undo. */
export async function insertCode(code: string): Promise<void> {
  const editor = editorFor(code);
  if (!editor) return;
  const text = code.replace(/\n$/, "");
  await editor.edit((edit) => {
    for (const selection of editor.selections) edit.replace(selection, text);
  });
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
}

/**
 * Shows how code would change the file in the editor: in place of the selection, else of what has the same name, else at the cursor.
 * What the user accepts in VS Code's preview is applied as one step of undo.
 */
export async function applyCode(code: string): Promise<void> {
  const editor = editorFor(code);
  if (!editor) return;
  const { document, selection } = editor;
  const folder = vscode.workspace.getWorkspaceFolder(document.uri);
  if (!folder) {
    void vscode.window.showWarningMessage(vscode.l10n.t("Only files of the workspace are changed."));
    return;
  }
  const { version } = document;
  const lines = selection.isEmpty ? codeTarget(document.getText(), code) : undefined;
  const range = lines
    ? document.validateRange(new vscode.Range(lines.first, 0, lines.last, Number.MAX_SAFE_INTEGER))
    : selection;
  const text = lines ? code.replace(/\n$/, "") : code;
  await proposeReplacement({ folder, label: vscode.l10n.t("Code of an answer") }, document, version, range, text);
}

/** The editor that code goes into; undefined where there is none, or where the code must go nowhere, which the user is told. */
function editorFor(code: string): vscode.TextEditor | undefined {
  if (isDeceiving(code)) {
    tellUnusable("deceiving");
    return undefined;
  }
  const editor = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
  if (!editor) void vscode.window.showInformationMessage(vscode.l10n.t("Open the file that the code should go into."));
  return editor;
}
