import * as vscode from "vscode";
import type { AskParams } from "../engine/protocol/requests.ts";

/** Characters of a selection that are sent along; a small model's window holds no more. */
const MOST_CHARACTERS = 24_000;

type Selection = NonNullable<AskParams["selection"]>;

/** The selected lines of the editor; where nothing is selected, the innermost symbol around the cursor, else its line. */
export async function selectedCode(editor: vscode.TextEditor): Promise<Selection> {
  const { document, selection } = editor;
  return codeIn(document, selection.isEmpty ? await symbolAround(document, selection.active) : selection);
}

/** The whole lines of a range. */
export function codeIn(document: vscode.TextDocument, range: vscode.Range): Selection {
  // A selection that ends at the start of a line does not mean that line.
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  const lines = new vscode.Range(range.start.line, 0, last, document.lineAt(last).text.length);
  return {
    path: vscode.workspace.asRelativePath(document.uri, false),
    startLine: range.start.line + 1,
    endLine: last + 1,
    text: document.getText(lines).slice(0, MOST_CHARACTERS),
  };
}

async function symbolAround(document: vscode.TextDocument, at: vscode.Position): Promise<vscode.Range> {
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
    "vscode.executeDocumentSymbolProvider",
    document.uri,
  );
  return innermost(symbols ?? [], at) ?? document.lineAt(at.line).range;
}

function innermost(symbols: readonly vscode.DocumentSymbol[], at: vscode.Position): vscode.Range | undefined {
  const around = symbols.find(({ range }) => range.contains(at));
  return around && (innermost(around.children, at) ?? around.range);
}
