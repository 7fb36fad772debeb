import { lstat, realpath } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import * as vscode from "vscode";
import { citationTarget } from "../citation-target.ts";
import { pathIn } from "../open-files.ts";
import { tellChanged } from "./generate-code.ts";

/** What a model proposes to do to one file. */
export interface Proposal {
  folder: vscode.WorkspaceFolder;
  /** Shown over the change in VS Code's preview of it. */
  label: string;
}

/**
 * Shows in VS Code's preview how `range` of a document would change; what the user accepts there is applied as one step of undo.
 * Nothing is shown for a document that changed since `version`, or that is not in the folder.
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
  if (document.version !== version || document.isClosed) return tellChanged();
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, range, text, metadata(label));
  await vscode.workspace.applyEdit(edit, { isRefactoring: true });
}

/** Shows a new file with its text; it is made when the user accepts it. A file that is there already is not touched. */
export async function proposeFile({ folder, label }: Proposal, path: string, text: string): Promise<void> {
  const uri = vscode.Uri.joinPath(folder.uri, path);
  if (pathIn(folder, uri) === undefined || !(await canBeMade(folder.uri.fsPath, path))) return refuse(uri, folder);
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(uri, { ignoreIfExists: false, overwrite: false, contents: Buffer.from(text) }, metadata(label));
  if (await vscode.workspace.applyEdit(edit, { isRefactoring: true })) await showIfMade(uri);
}

/** Every such change waits for the user, whatever they set. */
function metadata(label: string): vscode.WorkspaceEditEntryMetadata {
  return { needsConfirmation: true, label };
}

async function showIfMade(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.window.showTextDocument(uri);
  } catch {
    // The user left it out.
  }
}

/** Whether nothing is at `path` yet, and the nearest folder that is there lies in `folder`, links followed. */
async function canBeMade(folder: string, path: string): Promise<boolean> {
  const file = join(folder, path);
  if (relative(folder, file).startsWith("..") || (await exists(file))) return false;
  let parent = dirname(file);
  while (!(await exists(parent)) && parent !== dirname(parent)) parent = dirname(parent);
  const steps = relative(await realpath(folder), await realpath(parent));
  return !steps.startsWith("..") && steps !== parent;
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
