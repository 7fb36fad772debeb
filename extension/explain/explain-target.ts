import * as vscode from "vscode";
import { pathIn } from "../open-files.ts";
import { declarationIn, enclosingDeclaration, lastLineOf } from "./declarations.ts";
import type { ExplainTarget } from "./explain-prompt.ts";

/** What is to be explained, and where to ask a language server about it. */
export interface FoundTarget extends ExplainTarget {
  at: vscode.Position;
}

/** Words that name nothing of the repository, in most languages. */
const KEYWORD =
  /^(?:const|let|var|function|class|def|return|if|elif|else|for|while|import|export|from|async|await|new|public|private|protected|static|void|fn|pub|use|struct|enum|interface|type|match|case|switch|in|of|is|not|and|or|try|catch|except|finally|with|as|self|this|null|None|nil|undefined|true|false|True|False|int|string|number|boolean|bool|float|double|char)$/;

/**
 * What a place in an editor means: the symbol under an empty selection, else what the selection declares. Undefined for a file
 * outside of the folder and for a place where nothing stands.
 */
export function explainTarget(
  folder: vscode.WorkspaceFolder,
  document: vscode.TextDocument,
  range: vscode.Range,
): FoundTarget | undefined {
  const path = pathIn(folder, document.uri);
  if (path === undefined) return undefined;
  const lines = document.getText().split(/\r\n|\r|\n/);
  const found = range.isEmpty ? underCursor(document, lines, range.start) : inSelection(lines, range);
  if (!found) return undefined;
  const { name, kind, at, first, last } = found;
  const text = lines.slice(first, last + 1).join("\n");
  return { name, kind, at, selection: { path, startLine: first + 1, endLine: last + 1, text } };
}

/** Whether a word can be the name of something in the repository. */
export function isSymbolName(word: string): boolean {
  return /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(word) && !KEYWORD.test(word);
}

interface Lines {
  name: string | undefined;
  kind: string | undefined;
  at: vscode.Position;
  /** 0-based, inclusive. */
  first: number;
  last: number;
}

function underCursor(document: vscode.TextDocument, lines: readonly string[], at: vscode.Position): Lines | undefined {
  const range = document.getWordRangeAtPosition(at);
  const word = range ? document.getText(range) : "";
  if (!range || !isSymbolName(word)) return declared(lines, at.line);
  const here = declared(lines, at.line);
  if (here?.name === word) return here;
  // A use: its own line is what the user looks at, the definition comes from those who know it.
  return { name: word, kind: undefined, at: range.start, first: at.line, last: at.line };
}

/** What a line declares, with its body; for any other line what stands around it, else the line itself. */
function declared(lines: readonly string[], line: number): Lines | undefined {
  const text = lines[line] ?? "";
  if (text.trim() === "") return undefined;
  const own = declarationIn(text);
  const name = own?.name ?? enclosingDeclaration(lines, line)?.name;
  const first = own ? line : lines.findLastIndex((each, i) => i < line && declarationIn(each)?.name === name);
  if (name === undefined || first < 0)
    return { name: undefined, kind: undefined, at: new vscode.Position(line, 0), first: line, last: line };
  const at = new vscode.Position(first, Math.max(0, (lines[first] ?? "").indexOf(name)));
  return {
    name,
    kind: declarationIn(lines[first] ?? "")?.kind,
    at,
    first: commentAbove(lines, first),
    last: lastLineOf(lines, first),
  };
}

function inSelection(lines: readonly string[], range: vscode.Range): Lines {
  const first = range.start.line;
  // A selection that ends at the start of a line does not mean that line.
  const last = range.end.character === 0 && range.end.line > first ? range.end.line - 1 : range.end.line;
  const line = lines.findIndex((each, i) => i >= first && i <= last && declarationIn(each) !== undefined);
  const found = line < 0 ? undefined : declarationIn(lines[line] ?? "");
  const at = new vscode.Position(
    Math.max(line, first),
    found ? Math.max(0, (lines[line] ?? "").indexOf(found.name)) : range.start.character,
  );
  return { name: found?.name, kind: found?.kind, at, first, last };
}

/** The first line of the comment that stands right above a line; the line itself where there is none. */
function commentAbove(lines: readonly string[], line: number): number {
  let first = line;
  while (first > 0 && /^\s*(?:\/\/|\/\*|\*|#(?!\s*include)|--|;;|@)/.test(lines[first - 1] ?? "")) first--;
  return first;
}
