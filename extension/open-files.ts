import * as vscode from "vscode";

/** More editors than these say nothing about what the user works on. */
const MOST_FILES = 100;

/** The path of a file relative to its folder, with `/`; undefined for what is not a file of it, and for Git's own files. */
export function pathIn(folder: vscode.WorkspaceFolder, uri: vscode.Uri): string | undefined {
  if (uri.scheme !== folder.uri.scheme) return undefined;
  if (vscode.workspace.getWorkspaceFolder(uri)?.uri.fsPath !== folder.uri.fsPath) return undefined;
  const path = vscode.workspace.asRelativePath(uri, false);
  return path.startsWith(".git/") || path === uri.fsPath ? undefined : path;
}

/** The folder's files that editors show: the active one first, then visible ones, then those of other tabs. */
export function openFiles(folder: vscode.WorkspaceFolder): string[] {
  const { activeTextEditor, visibleTextEditors, tabGroups } = vscode.window;
  const tabs = tabGroups.all.flatMap((group) => group.tabs.map(({ input }) => input));
  const uris = [
    ...[activeTextEditor, ...visibleTextEditors].map((editor) => editor?.document.uri),
    ...tabs.map((input) => (input instanceof vscode.TabInputText ? input.uri : undefined)),
  ];
  const paths = uris.flatMap((uri) => (uri && pathIn(folder, uri)) ?? []);
  return [...new Set(paths)].slice(0, MOST_FILES);
}

/** What the folder's editors hold and the disk does not. @param longest longer texts are left out, in UTF-16 units */
export function unsavedTexts(folder: vscode.WorkspaceFolder, longest: number): { path: string; text: string }[] {
  return vscode.workspace.textDocuments.flatMap((document) => {
    const path = document.isDirty ? pathIn(folder, document.uri) : undefined;
    const text = path === undefined ? "" : document.getText();
    return path === undefined || text.length > longest ? [] : { path, text };
  });
}
