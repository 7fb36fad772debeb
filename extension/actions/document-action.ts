import * as vscode from "vscode";
import { lastLineOf } from "../explain/declarations.ts";
import { proposeReplacement } from "./confirmed-edit.ts";
import { commentOpening, commentText, commentWords, undocumented } from "./doc-comment.ts";
import { fencedCode } from "./fenced-code.ts";
import { generateCode } from "./generate-code.ts";
import { type ActionPlace, selectionOf, tellUnusable } from "./place.ts";

/** A sentence or two. */
const MOST_TOKENS = 80;
/** Lines of what is documented that the model is shown. */
const MOST_LINES = 60;

/** "Document This": the words are the model's, the comment around them is the language's. */
export async function document(place: ActionPlace): Promise<void> {
  const { lines, folder } = place;
  const found = undocumented(place.document.languageId, lines, place.range.start.line);
  if (!found) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("Put the cursor on a declaration that has no comment yet."),
    );
    return;
  }
  const last = Math.min(lastLineOf(lines, found.line), found.line + MOST_LINES);
  const question = `Write the doc comment of \`${found.name}\`: one sentence that says what it does.`;
  const parts = [`\`\`\`${place.document.languageId}\n${commentOpening(found)}`];
  const selection = selectionOf(place, found.line, last);
  const title = vscode.l10n.t("Documenting {0}", found.name);
  const request = { question, parts, selection, maxTokens: MOST_TOKENS };
  const answer = await generateCode(place.host, folder, place.document, title, request);
  if (answer === undefined) return;
  const words = commentWords(fencedCode(answer)?.code ?? "", found);
  if (words === undefined) return tellUnusable("no code");
  const at = new vscode.Position(found.insertAt, 0);
  const proposal = { folder, label: vscode.l10n.t("Document This") };
  await proposeReplacement(
    proposal,
    place.document,
    place.version,
    new vscode.Range(at, at),
    commentText(words, found),
  );
}
