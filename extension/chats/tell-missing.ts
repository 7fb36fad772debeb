import * as vscode from "vscode";
import type { Mention } from "../../webview/protocol/turn.ts";
import type { EngineClient } from "../engine-client.ts";

/**
 * Tells the user which files and folders a question names that are not in memory: an answer that looks as if it were about them
 * would mislead. Their text is not sent instead, since only the engine knows what must never be read. Asked for when the engine
 * has looked up the question: what is new was read before that.
 */
export async function tellMissing(
  folder: vscode.WorkspaceFolder,
  client: EngineClient,
  mentions: readonly Mention[],
): Promise<void> {
  const named = mentions.filter((mention) => mention.kind === "file" || mention.kind === "folder");
  if (named.length === 0) return;
  const known = (await client.files(folder.uri.fsPath)).map(({ path }) => path);
  const isKnown = ({ kind, path }: (typeof named)[number]) =>
    known.some((each) => (kind === "file" ? each === path : each.startsWith(`${path}/`)));
  const missing = named.filter((mention) => !isKnown(mention)).map(({ path }) => path);
  if (missing.length === 0) return;
  void vscode.window.showWarningMessage(
    vscode.l10n.t(
      "Not in memory, so the answer cannot be about it: {0}. It was not read yet, or never is: ignored, too large, no text, or like a secret.",
      missing.join(", "),
    ),
  );
}
