import { lstat, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import * as vscode from "vscode";
import { citationTarget } from "../citation-target.ts";
import { pathIn } from "../open-files.ts";
import { tellChanged } from "./generate-code.ts";
import { isAccepted } from "./proposals.ts";

/** What a model proposes to do to one file. */
export interface Proposal {
  folder: vscode.WorkspaceFolder;
  /** Shown over the change. */
  label: string;
}

/**
 * Shows as a diff how `range` of a document would change; where the user accepts it, it is applied as one step of undo. Nothing is
 * shown of a document that changed since `version`, or that is not in the folder, links followed.
 */
export async function proposeReplacement(
  { folder, label }: Proposal,
  document: vscode.TextDocument,
  version: number,
  range: vscode.Range,
  text: string,
): Promise<void> {
  const path = pathIn(folder, document.uri);
  if (path === undefined || (await citationTarget(folder.uri.fsPath, path)) === undefined)
    return refuse(document.uri, folder);
  const isSame = () => document.version === version && !document.isClosed;
  if (!isSame()) return tellChanged();
  const before = document.getText();
  const after = before.slice(0, document.offsetAt(range.start)) + text + before.slice(document.offsetAt(range.end));
  if (!(await isAccepted(path, label, document.uri, after))) return;
  if (!isSame()) return tellChanged();
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, range, text);
  await vscode.workspace.applyEdit(edit, { isRefactoring: true });
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(range.start, range.start) });
}

/** Shows a new file with its text; it is made where the user accepts it. A file that is there already is not touched. */
export async function proposeFile({ folder, label }: Proposal, path: string, text: string): Promise<void> {
  const uri = vscode.Uri.joinPath(folder.uri, path);
  if (pathIn(folder, uri) === undefined || !(await canBeMade(folder.uri.fsPath, path))) return refuse(uri, folder);
  if (!(await isAccepted(path, label, undefined, text))) return;
  if (!(await canBeMade(folder.uri.fsPath, path))) return refuse(uri, folder);
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(uri, { ignoreIfExists: false, overwrite: false, contents: Buffer.from(text) });
  await vscode.workspace.applyEdit(edit, { isRefactoring: true });
  await vscode.window.showTextDocument(uri);
}

/** Whether nothing is at `path` yet, and the nearest folder that is there lies in `folder`, links followed. */
async function canBeMade(folder: string, path: string): Promise<boolean> {
  const file = join(folder, path);
  if (!isWithin(relative(folder, file)) || (await exists(file))) return false;
  let parent = dirname(file);
  while (!(await exists(parent)) && parent !== dirname(parent)) parent = dirname(parent);
  return isWithin(relative(await realpath(folder), await realpath(parent)));
}

function isWithin(steps: string): boolean {
  return !isAbsolute(steps) && steps.split(/[\\/]/)[0] !== "..";
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function refuse(uri: vscode.Uri, folder: vscode.WorkspaceFolder): void {
  void vscode.window.showWarningMessage(
    vscode.l10n.t("{0} cannot be changed: it is not a file of {1}, or is there already.", uri.path, folder.name),
  );
}
