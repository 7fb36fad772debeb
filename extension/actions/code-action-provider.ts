import * as vscode from "vscode";
import { declarationIn } from "../explain/declarations.ts";
import { isSymbolName } from "../explain/explain-target.ts";
import type { Host } from "../host.ts";
import { pathIn } from "../open-files.ts";
import { undocumented } from "./doc-comment.ts";
import { KINDS } from "./kinds.ts";
import { isTestFile } from "./test-files.ts";

/** Selected lines from which on there is something to rewrite or to look for. */
const LEAST_LINES = 2;

/** Offers what Repo Memory can do with the code at a place; nothing where there is nothing to do, or the user does not want it. */
export function registerCodeActions(host: Host): vscode.Disposable {
  const provider = new RepoCodeActions(host);
  const metadata = { providedCodeActionKinds: Object.values(KINDS) };
  return vscode.languages.registerCodeActionsProvider({ scheme: "file" }, provider, metadata);
}

class RepoCodeActions implements vscode.CodeActionProvider {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  provideCodeActions(
    document: vscode.TextDocument,
    range: vscode.Range,
    { diagnostics, only }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const folder = vscode.workspace.getWorkspaceFolder(document.uri);
    const path = folder && pathIn(folder, document.uri);
    if (!folder || path === undefined || !isWanted(document) || !this.#hasMemory(folder)) return [];
    const place = new Place(document, range, path);
    const offered = [
      place.isNamed && action(KINDS.explain, vscode.l10n.t("Explain Across Repo"), "repoMemory.explain", place),
      place.isUndocumented && action(KINDS.document, vscode.l10n.t("Document This"), "repoMemory.document", place),
      place.isTestable && action(KINDS.tests, vscode.l10n.t("Write Tests Like Ours"), "repoMemory.writeTests", place),
      place.isPassage &&
        action(KINDS.likeTheRest, vscode.l10n.t("Make It Like the Rest"), "repoMemory.likeTheRest", place),
      (place.isPassage || place.declares) &&
        action(KINDS.similar, vscode.l10n.t("Find Similar Code"), "repoMemory.findSimilar", place),
      ...diagnostics.filter(isProblem).map((diagnostic) => fix(place, diagnostic)),
    ];
    return offered.filter((each) => each !== false).filter(({ kind }) => !only || (kind && only.contains(kind)));
  }

  #hasMemory(folder: vscode.WorkspaceFolder): boolean {
    return vscode.workspace.isTrusted && this.#host.memoryOf(folder).facts.value.files > 0;
  }
}

/** What stands at a place, as far as its text tells. */
class Place {
  readonly document: vscode.TextDocument;
  readonly range: vscode.Range;
  readonly #path: string;
  readonly #line: string;

  constructor(document: vscode.TextDocument, range: vscode.Range, path: string) {
    this.document = document;
    this.range = range;
    this.#path = path;
    this.#line = document.lineAt(range.start.line).text;
  }

  get declares(): boolean {
    return declarationIn(this.#line) !== undefined;
  }

  /** A name under the cursor, or some selected code. */
  get isNamed(): boolean {
    if (!this.range.isEmpty) return /\p{L}/u.test(this.document.getText(this.range));
    const word = this.document.getWordRangeAtPosition(this.range.start);
    return word !== undefined && isSymbolName(this.document.getText(word));
  }

  get isUndocumented(): boolean {
    const lines = this.document.getText().split(/\r\n|\r|\n/);
    return undocumented(this.document.languageId, lines, this.range.start.line) !== undefined;
  }

  get isTestable(): boolean {
    const kind = declarationIn(this.#line)?.kind;
    return (kind === "function" || kind === "class") && !isTestFile(this.#path);
  }

  get isPassage(): boolean {
    const lines = this.range.end.line - this.range.start.line + (this.range.end.character > 0 ? 1 : 0);
    return lines >= LEAST_LINES && this.document.getText(this.range).trim() !== "";
  }
}

function isWanted(document: vscode.TextDocument): boolean {
  return vscode.workspace.getConfiguration("repoMemory", document.uri).get("codeActions", true);
}

/** Hints and remarks are no faults. */
function isProblem({ severity }: vscode.Diagnostic): boolean {
  return severity === vscode.DiagnosticSeverity.Error || severity === vscode.DiagnosticSeverity.Warning;
}

function action(
  kind: vscode.CodeActionKind,
  title: string,
  command: string,
  place: Place,
  ...more: unknown[]
): vscode.CodeAction {
  const offered = new vscode.CodeAction(title, kind);
  offered.command = { command, title, arguments: [place.document.uri, place.range, ...more] };
  return offered;
}

function fix(place: Place, diagnostic: vscode.Diagnostic): vscode.CodeAction {
  const [first] = diagnostic.message.split("\n");
  const title = vscode.l10n.t("Fix Using the Repo: {0}", (first ?? "").slice(0, 60));
  const offered = action(KINDS.fix, title, "repoMemory.fix", place, diagnostic.range, diagnostic.message);
  offered.diagnostics = [diagnostic];
  return offered;
}
