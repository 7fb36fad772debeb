import * as vscode from "vscode";
import type { LineRange } from "../../engine/protocol/requests.ts";
import { citationTarget } from "../citation-target.ts";

/** Lines of a folder's file as VS Code names them; undefined where no such file is in the folder (any more). */
export async function locationOf(
  folder: vscode.WorkspaceFolder,
  { path, startLine, endLine }: LineRange,
): Promise<vscode.Location | undefined> {
  const file = await citationTarget(folder.uri.fsPath, path);
  if (file === undefined) return undefined;
  const uri = folder.uri.with({ path: vscode.Uri.file(file).path });
  return new vscode.Location(uri, new vscode.Range(startLine - 1, 0, Math.max(startLine, endLine) - 1, 0));
}

/** `src/a.ts:3-9` */
export function placeName({ path, startLine, endLine }: LineRange): string {
  return startLine === endLine ? `${path}:${startLine}` : `${path}:${startLine}-${endLine}`;
}
