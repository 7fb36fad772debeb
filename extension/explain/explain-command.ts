import * as vscode from "vscode";
import type { ChatView } from "../chat-view.ts";
import type { Host } from "../host.ts";
import { reporting } from "../status/report-error.ts";
import { wordIndex } from "./declarations.ts";
import { explainPrompt } from "./explain-prompt.ts";
import { explainTarget, type FoundTarget } from "./explain-target.ts";
import { languageFacts } from "./language-facts.ts";
import { memoryFacts, type SymbolFacts } from "./symbol-facts.ts";

/** Registers "Explain This Across Repo": for the active editor, or for the place that a code action names. */
export function registerExplain(host: Host, view: ChatView): vscode.Disposable {
  return vscode.commands.registerCommand("repoMemory.explain", (uri?: unknown, range?: unknown) =>
    reporting(host, () => explain(host, view, uri, range)),
  );
}

async function explain(host: Host, view: ChatView, uri: unknown, range: unknown): Promise<void> {
  const place = await placeOf(uri, range);
  const folder = place && vscode.workspace.getWorkspaceFolder(place.document.uri);
  const target = folder && explainTarget(folder, place.document, place.range);
  if (!folder || !target) {
    const message = vscode.l10n.t(
      "Put the cursor on a name in a file of the workspace, or select the code to explain.",
    );
    void vscode.window.showInformationMessage(message);
    return;
  }
  host.choose(folder);
  await view.focus();
  const { question: asked, selection, ...given } = await explanationOf(host, folder, place.document, target);
  const question =
    target.name === undefined
      ? vscode.l10n.t("Explain the selected code across the repository")
      : vscode.l10n.t("Explain {0} across the repository", target.name);
  await host.conversation.ask(question, selection, { ...given, asked, alone: true });
}

/** What the model is asked about `target`, and what is found out about it first. */
export async function explanationOf(
  host: Pick<Host, "ready">,
  folder: vscode.WorkspaceFolder,
  document: vscode.TextDocument,
  target: FoundTarget,
): Promise<ReturnType<typeof explainPrompt>> {
  const facts = withOwnDeclaration(await factsOf(host, folder, document, target), target);
  return explainPrompt(await withDefinition(folder, target, facts), facts);
}

/** From a code action: a file and a range of it. From anywhere else: the active editor. A menu gives the file alone. */
async function placeOf(uri: unknown, range: unknown) {
  if (uri instanceof vscode.Uri && range instanceof vscode.Range) {
    return { document: await vscode.workspace.openTextDocument(uri), range };
  }
  const editor = vscode.window.activeTextEditor;
  return editor && { document: editor.document, range: editor.selection };
}

/** What declares a name is its definition, whoever knew of no other. */
function withOwnDeclaration(facts: SymbolFacts, { kind, at, selection: { path } }: FoundTarget): SymbolFacts {
  if (facts.definitions.length > 0 || kind === undefined) return facts;
  return { ...facts, definitions: [{ path, startLine: at.line + 1, endLine: at.line + 1 }] };
}

/** A use says little by itself: what is defined is read in its place. */
async function withDefinition(
  folder: vscode.WorkspaceFolder,
  target: FoundTarget,
  { definitions: [definition] }: SymbolFacts,
): Promise<FoundTarget> {
  if (target.kind !== undefined || target.name === undefined || definition === undefined) return target;
  try {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, definition.path));
    const line = document.lineAt(definition.startLine - 1);
    const at = new vscode.Position(line.lineNumber, Math.max(0, wordIndex(line.text, target.name)));
    return explainTarget(folder, document, new vscode.Range(at, at)) ?? target;
  } catch {
    // Gone or shortened since it was found.
    return target;
  }
}

/** The language server first; what it does not know, or where there is none, the memory's own symbols tell. */
async function factsOf(
  host: Pick<Host, "ready">,
  folder: vscode.WorkspaceFolder,
  document: vscode.TextDocument,
  { name, at }: FoundTarget,
): Promise<SymbolFacts> {
  const facts = await languageFacts(folder, document, at);
  // A server that has no project to go by knows the uses in open files alone, which may be none.
  if (facts.uses.length > 0 || name === undefined) return facts;
  const client = await host.ready();
  const remembered = await memoryFacts((params) => client.recall({ folder: folder.uri.fsPath, ...params }), name);
  return facts.definitions.length > 0 ? { ...remembered, definitions: facts.definitions } : remembered;
}
