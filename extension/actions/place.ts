import * as vscode from "vscode";
import type { AskParams } from "../../engine/protocol/requests.ts";
import type { Host } from "../host.ts";
import { pathIn } from "../open-files.ts";
import type { Unusable } from "./fenced-code.ts";

/** Characters of code that are read as text; a small model's window holds no more. */
const MOST_CODE = 6_000;

/** Where an action was asked for. */
export interface ActionPlace {
  host: Host;
  folder: vscode.WorkspaceFolder;
  document: vscode.TextDocument;
  /** Of the document, when the action began. */
  version: number;
  range: vscode.Range;
  path: string;
  lines: readonly string[];
}

/** From a code action its file and range, else the active editor's; undefined outside of the workspace, which the user is told. */
export async function actionPlace(host: Host, uri: unknown, range: unknown): Promise<ActionPlace | undefined> {
  const editor = vscode.window.activeTextEditor;
  const isGiven = uri instanceof vscode.Uri && range instanceof vscode.Range;
  const document = isGiven ? await vscode.workspace.openTextDocument(uri) : editor?.document;
  const folder = document && vscode.workspace.getWorkspaceFolder(document.uri);
  const path = folder && pathIn(folder, document.uri);
  const place = isGiven ? range : editor?.selection;
  if (!folder || path === undefined || !place) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Open a file of the workspace first."));
    return undefined;
  }
  const lines = document.getText().split(/\r\n|\r|\n/);
  return { host, folder, document, version: document.version, range: place, path, lines };
}

/** Lines [first, last] of the document (0-based, inclusive) as the engine takes a selection. */
export function selectionOf(
  { path, lines }: ActionPlace,
  first: number,
  last: number,
): NonNullable<AskParams["selection"]> {
  const text = lines.slice(first, last + 1).join("\n");
  return { path, startLine: first + 1, endLine: last + 1, text: text.slice(0, MOST_CODE) };
}

/** Whole lines of the document, without the last one's end. */
export function linesRange({ document }: ActionPlace, first: number, last: number): vscode.Range {
  return new vscode.Range(first, 0, last, document.lineAt(last).text.length);
}

/** Tells why a model's answer came to nothing, in place of an edit. */
export function tellUnusable(problem: Unusable): void {
  const why = {
    "no code": vscode.l10n.t("The model wrote no code for this. Nothing was changed."),
    "cut off": vscode.l10n.t("The model's code was too long and ended in its middle. Nothing was changed."),
    unchanged: vscode.l10n.t("The model would leave the code as it is."),
    broken: vscode.l10n.t("The model's code has brackets that do not match. Nothing was changed."),
    deceiving: vscode.l10n.t(
      "The model's code holds characters that make text look other than it is. Nothing was changed.",
    ),
  };
  void vscode.window.showInformationMessage(why[problem]);
}
