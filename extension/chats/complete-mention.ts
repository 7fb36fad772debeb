import * as vscode from "vscode";
import type { Mention } from "../../webview/protocol/turn.ts";
import type { Host } from "../host.ts";
import { pathIn } from "../open-files.ts";
import { rankPaths } from "./rank-paths.ts";

/** Entries of each kind in the list: more than these are found sooner by another letter. */
const MOST_FILES = 8;
const MOST_SYMBOLS = 6;

/** Letters from which on symbols are asked for: with fewer, language servers give all that they have. */
const SYMBOL_LETTERS = 2;

/** Names that are looked through where the engine cannot say what is in memory. */
const MOST_FOUND = 5000;

/** What `@` and some letters can mean in the folder that is asked about: the selection, files and folders, symbols. */
export async function completeMention(host: Host, query: string): Promise<Mention[]> {
  const folder = host.folder();
  if (!folder) return [];
  const [paths, symbols] = await Promise.all([knownPaths(host, folder), symbolsNamed(folder, query)]);
  const shown = rankPaths(paths, query).slice(0, MOST_FILES);
  return [...selection(folder, query), ...shown, ...symbols];
}

/** What is in memory; while the engine does not run, what VS Code finds. */
async function knownPaths(host: Host, folder: vscode.WorkspaceFolder): Promise<string[]> {
  const client = host.client();
  if (client) return (await client.files(folder.uri.fsPath)).map(({ path }) => path);
  const pattern = new vscode.RelativePattern(folder, "**/*");
  const found = await vscode.workspace.findFiles(pattern, "**/{node_modules,.git}/**", MOST_FOUND);
  return found.flatMap((uri) => pathIn(folder, uri) ?? []);
}

function selection(folder: vscode.WorkspaceFolder, query: string): Mention[] {
  const editor = vscode.window.activeTextEditor;
  const path = editor && pathIn(folder, editor.document.uri);
  if (!editor || path === undefined || editor.selection.isEmpty) return [];
  if (!"selection".startsWith(query.toLowerCase())) return [];
  const { start, end } = editor.selection;
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  return [{ kind: "selection", path, startLine: start.line + 1, endLine: last + 1 }];
}

async function symbolsNamed(folder: vscode.WorkspaceFolder, query: string): Promise<Mention[]> {
  if (query.length < SYMBOL_LETTERS || /[./]/.test(query)) return [];
  const found = await vscode.commands.executeCommand<vscode.SymbolInformation[] | undefined>(
    "vscode.executeWorkspaceSymbolProvider",
    query,
  );
  const mentions = (found ?? []).flatMap(({ name, location }): Mention[] => {
    const path = pathIn(folder, location.uri);
    const { start, end } = location.range;
    return path === undefined ? [] : [{ kind: "symbol", name, path, startLine: start.line + 1, endLine: end.line + 1 }];
  });
  return mentions.slice(0, MOST_SYMBOLS);
}
