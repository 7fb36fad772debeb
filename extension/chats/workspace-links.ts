import { readFile, stat } from "node:fs/promises";
import * as vscode from "vscode";
import type { AnswerLink, Place, Turn } from "../../webview/protocol/turn.ts";
import { citationTarget } from "../citation-target.ts";
import type { EngineClient } from "../engine-client.ts";
import { pathIn } from "../open-files.ts";
import { answerLinks } from "./answer-links.ts";

/** Bytes of a file that is looked into for a link. */
const LARGEST_FILE = 1024 * 1024;

/** The links of a complete answer, each looked up in the folder that is asked about. */
export async function workspaceLinks(
  folder: vscode.WorkspaceFolder | undefined,
  client: EngineClient | undefined,
  { answer, window, citations }: Readonly<Turn>,
): Promise<AnswerLink[]> {
  if (!folder) return [];
  const texts = new Map<string, Promise<string | undefined>>();
  let paths: Promise<string[]> | undefined;
  return answerLinks(
    answer,
    [...citations, ...window].map(({ path }) => path),
    {
      paths: () => (paths ??= memoryPaths(client, folder)),
      text: (path) => {
        const known = texts.get(path) ?? textOf(folder, path);
        texts.set(path, known);
        return known;
      },
      symbol: (name) => symbolNamed(folder, name),
    },
  );
}

async function memoryPaths(client: EngineClient | undefined, folder: vscode.WorkspaceFolder): Promise<string[]> {
  const files = await client?.files(folder.uri.fsPath);
  return (files ?? []).map(({ path }) => path);
}

async function textOf(folder: vscode.WorkspaceFolder, path: string): Promise<string | undefined> {
  const file = await citationTarget(folder.uri.fsPath, path);
  if (file === undefined) return undefined;
  const facts = await stat(file);
  return facts.isFile() && facts.size <= LARGEST_FILE ? readFile(file, "utf8") : undefined;
}

async function symbolNamed(folder: vscode.WorkspaceFolder, name: string): Promise<Place | undefined> {
  const found = await vscode.commands.executeCommand<vscode.SymbolInformation[] | undefined>(
    "vscode.executeWorkspaceSymbolProvider",
    name,
  );
  for (const { name: known, location } of found ?? []) {
    const path = known === name ? pathIn(folder, location.uri) : undefined;
    const line = location.range.start.line + 1;
    if (path !== undefined) return { path, startLine: line, endLine: line };
  }
  return undefined;
}
