import * as vscode from "vscode";
import type { AskParams, LineRange } from "../../engine/protocol/requests.ts";
import type { Mention, Place } from "../../webview/protocol/turn.ts";
import { citationTarget } from "../citation-target.ts";
import type { EngineClient } from "../engine-client.ts";
import { openFiles, pathIn } from "../open-files.ts";
import { uncommittedChanges } from "./git-changes.ts";

/** Files of a folder, and open files, that one mention brings into the window; more would leave no room for each. */
const MOST_FILES = 50;

/** Problems that are told of, and characters of all texts that are no files. */
const MOST_PROBLEMS = 30;
const MOST_TEXT = 12_000;

type Selection = NonNullable<AskParams["selection"]>;

/** What mentions are to the engine. */
export interface ResolvedMentions {
  pinned: string[];
  ranges: LineRange[];
  /** What is not in memory, as text. */
  selection: Selection | undefined;
}

/** Turns mentions into files and lines of the memory, and what the memory cannot have into text. Gone files are passed over here. */
export async function resolveMentions(
  folder: vscode.WorkspaceFolder,
  client: EngineClient,
  mentions: readonly Mention[],
): Promise<ResolvedMentions> {
  const resolved = await Promise.all(mentions.map((mention) => resolveOne(folder, client, mention)));
  return {
    pinned: [...new Set(resolved.flatMap(({ pinned = [] }) => pinned))],
    ranges: resolved.flatMap(({ ranges = [] }) => ranges),
    selection: joined(resolved.flatMap(({ text }) => text ?? [])),
  };
}

interface Resolved {
  pinned?: string[];
  ranges?: LineRange[];
  text?: Selection;
}

async function resolveOne(folder: vscode.WorkspaceFolder, client: EngineClient, mention: Mention): Promise<Resolved> {
  if (mention.kind === "file") return { pinned: [mention.path] };
  if (mention.kind === "folder") return { pinned: await filesBelow(folder, client, mention.path) };
  if (mention.kind === "symbol") return { ranges: [rangeOf(mention)] };
  if (mention.kind === "editors") return { pinned: openFiles(folder).slice(0, MOST_FILES) };
  if (mention.kind === "problems") return problems(folder);
  if (mention.kind === "changes") return changes(folder);
  const { path, startLine, endLine } = mention;
  const text = await textOf(folder, { path, startLine, endLine });
  return text ? { text } : {};
}

async function filesBelow(folder: vscode.WorkspaceFolder, client: EngineClient, path: string): Promise<string[]> {
  const files = await client.files(folder.uri.fsPath);
  return files
    .map((file) => file.path)
    .filter((each) => each.startsWith(`${path}/`))
    .slice(0, MOST_FILES);
}

/** Errors and warnings of the folder's files, the errors first; their lines go into the window. */
function problems(folder: vscode.WorkspaceFolder): Resolved {
  const all = vscode.languages.getDiagnostics().flatMap(([uri, diagnostics]) => {
    const path = pathIn(folder, uri);
    const serious = diagnostics.filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning);
    return path === undefined ? [] : serious.map((diagnostic) => ({ path, diagnostic }));
  });
  const told = all.toSorted((a, b) => a.diagnostic.severity - b.diagnostic.severity).slice(0, MOST_PROBLEMS);
  if (told.length === 0) return {};
  const lines = told.map(({ path, diagnostic: { range, message } }) => `${path}:${range.start.line + 1}: ${message}`);
  const ranges = told.map(({ path, diagnostic: { range } }) => {
    return { path, startLine: range.start.line + 1, endLine: range.end.line + 1 };
  });
  return { ranges, text: asText("problems", lines.join("\n")) };
}

async function changes(folder: vscode.WorkspaceFolder): Promise<Resolved> {
  const { files, diff } = await uncommittedChanges(folder);
  return { pinned: files.slice(0, MOST_FILES), ...(diff !== "" && { text: asText("uncommitted-changes.diff", diff) }) };
}

/** Lines as an editor shows them now, saved or not. */
async function textOf(folder: vscode.WorkspaceFolder, place: Place): Promise<Selection | undefined> {
  const file = await citationTarget(folder.uri.fsPath, place.path);
  if (file === undefined) return undefined;
  const document = await vscode.workspace.openTextDocument(folder.uri.with({ path: vscode.Uri.file(file).path }));
  const lines = new vscode.Range(place.startLine - 1, 0, place.endLine, 0);
  const text = document.getText(document.validateRange(lines)).slice(0, MOST_TEXT);
  return text === "" ? undefined : { ...rangeOf(place), text };
}

function asText(path: string, whole: string): Selection {
  const text = whole.slice(0, MOST_TEXT);
  return { path, startLine: 1, endLine: text.split("\n").length, text };
}

/** A question has room for one text: several become one, each under its name. */
function joined(texts: readonly Selection[]): Selection | undefined {
  const [first, ...rest] = texts;
  if (!first || rest.length === 0) return first;
  const all = texts.map(({ path, startLine, endLine, text }) => `${path}, lines ${startLine}-${endLine}:\n${text}`);
  return asText("all of this", all.join("\n\n"));
}

function rangeOf({ path, startLine, endLine }: Place): LineRange {
  return { path, startLine, endLine };
}
