import * as vscode from "vscode";
import type { AskParams } from "../../engine/protocol/requests.ts";
import type { Host } from "../host.ts";
import { fencedCode } from "./fenced-code.ts";

/** Tokens of code that are generated at most: what is longer, no small model gets right. */
const MOST_TOKENS = 512;

/** What a model is asked for, besides the folder. */
export type CodeRequest = Pick<AskParams, "question" | "selection" | "ranges" | "parts"> & { maxTokens?: number };

/**
 * The model's answer, up to the end of its first block of code. Stopped by the user, and when the document changes or closes: what
 * it was asked about is then not there any more. Undefined where it was stopped; the user is told unless it was them.
 */
export async function generateCode(
  host: Host,
  folder: vscode.WorkspaceFolder,
  document: vscode.TextDocument,
  title: string,
  request: CodeRequest,
): Promise<string | undefined> {
  const abort = new AbortController();
  const watching = watchDocument(document, () => abort.abort("changed"));
  try {
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      (_, token) => {
        token.onCancellationRequested(() => abort.abort("stopped"));
        return answerText(host, folder, request, abort.signal);
      },
    );
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    if (abort.signal.reason === "changed") tellChanged();
    return undefined;
  } finally {
    watching.dispose();
  }
}

/** Says why nothing comes of what was begun. */
export function tellChanged(): void {
  void vscode.window.showInformationMessage(vscode.l10n.t("The file changed meanwhile, so nothing was changed in it."));
}

async function answerText(
  host: Host,
  folder: vscode.WorkspaceFolder,
  request: CodeRequest,
  signal: AbortSignal,
): Promise<string> {
  const client = await host.ready(signal);
  let text = "";
  for await (const event of client.ask({ maxTokens: MOST_TOKENS, ...request, folder: folder.uri.fsPath }, { signal })) {
    signal.throwIfAborted();
    if (event.type === "token") text += event.text;
    // What a model says behind its code is not read: it need not be written either.
    if (fencedCode(text)?.isClosed) break;
  }
  signal.throwIfAborted();
  return text;
}

function watchDocument(document: vscode.TextDocument, changed: () => void): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeTextDocument((event) => {
      if (event.document === document && event.contentChanges.length > 0) changed();
    }),
    vscode.workspace.onDidCloseTextDocument((closed) => {
      if (closed === document) changed();
    }),
  );
}
