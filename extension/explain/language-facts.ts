/** What a language server knows of a symbol, asked through VS Code within a time limit. */
import * as vscode from "vscode";
import type { LineRange } from "../../engine/protocol/requests.ts";
import { pathIn } from "../open-files.ts";
import { isImport } from "./declarations.ts";
import { type FoundUse, type SymbolFacts, tellingUses, type Use } from "./symbol-facts.ts";

/** Milliseconds that a server has for all that it is asked: one that is still reading the project answers minutes later. */
const PATIENCE = 3_000;
/** Definitions and places that are looked at; a name like `log` has thousands. */
const MOST_DEFINITIONS = 3;
const MOST_PLACES = 60;

/** Where the symbol at a place is defined, and who uses it; nothing where no server answers in time. */
export async function languageFacts(
  folder: vscode.WorkspaceFolder,
  document: vscode.TextDocument,
  at: vscode.Position,
): Promise<SymbolFacts> {
  const late = new Promise<undefined>((resolve) => void setTimeout(() => resolve(undefined), PATIENCE));
  const ask = async <T>(command: string, ...args: unknown[]): Promise<T | undefined> => {
    // A provider of another extension may fail: that is as good as none.
    const answer = Promise.resolve(vscode.commands.executeCommand<T>(command, ...args)).catch(() => undefined);
    return Promise.race([answer, late]);
  };
  const [defined, referenced, called] = await Promise.all([
    ask<(vscode.Location | vscode.LocationLink)[]>("vscode.executeDefinitionProvider", document.uri, at),
    ask<vscode.Location[]>("vscode.executeReferenceProvider", document.uri, at),
    callers(ask, document.uri, at),
  ]);
  const definitions = (defined ?? []).slice(0, MOST_DEFINITIONS).flatMap((place) => placeIn(folder, place) ?? []);
  const isDefinition = ({ path, startLine }: LineRange) =>
    definitions.some((each) => each.path === path && each.startLine <= startLine && startLine <= each.endLine);
  const references = (referenced ?? []).slice(0, MOST_PLACES).flatMap((place) => placeIn(folder, place) ?? []);
  const calling = called.flatMap(({ name, uri, range }) => {
    const place = placeIn(folder, { uri, range });
    return place ? [{ ...place, inside: name }] : [];
  });
  const known = new Set(calling.map(({ path, startLine }) => `${path}:${startLine}`));
  const others = references.filter((place) => !isDefinition(place) && !known.has(`${place.path}:${place.startLine}`));
  const uses = await Promise.all([...calling, ...others].map((use) => withImport(folder, use)));
  return { definitions, uses: tellingUses(uses), source: "language server" };
}

type Ask = <T>(command: string, ...args: unknown[]) => Promise<T | undefined>;

/** The calls of a function with the names of those that make them. */
async function callers(ask: Ask, uri: vscode.Uri, at: vscode.Position) {
  const [item] = (await ask<vscode.CallHierarchyItem[]>("vscode.prepareCallHierarchy", uri, at)) ?? [];
  if (!item) return [];
  const calls = (await ask<vscode.CallHierarchyIncomingCall[]>("vscode.provideIncomingCalls", item)) ?? [];
  return calls
    .slice(0, MOST_PLACES)
    .flatMap(({ from, fromRanges }) =>
      fromRanges.slice(0, 1).map((range) => ({ name: from.name, uri: from.uri, range })),
    );
}

function placeIn(folder: vscode.WorkspaceFolder, place: vscode.Location | vscode.LocationLink): LineRange | undefined {
  const [uri, range] =
    "targetUri" in place
      ? [place.targetUri, place.targetSelectionRange ?? place.targetRange]
      : [place.uri, place.range];
  const path = pathIn(folder, uri);
  return path === undefined ? undefined : { path, startLine: range.start.line + 1, endLine: range.end.line + 1 };
}

async function withImport(folder: vscode.WorkspaceFolder, use: Use): Promise<FoundUse> {
  try {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, use.path));
    return { use, isImported: isImport(document.lineAt(use.startLine - 1).text) };
  } catch {
    // Gone since the server looked.
    return { use, isImported: true };
  }
}
