import * as vscode from "vscode";
import { declarationIn, indentation, lastLineOf } from "../explain/declarations.ts";
import { proposeReplacement } from "./confirmed-edit.ts";
import { generateCode } from "./generate-code.ts";
import { type ActionPlace, linesRange, selectionOf, tellUnusable } from "./place.ts";
import { smallestFix } from "./smallest-fix.ts";

/** Lines before an error that are shown where no declaration is around it. */
const LINES_BEFORE = 8;
const LINES_AFTER = 4;
/** Longer functions are shown only around the error. */
const MOST_LINES = 40;
const MOST_MESSAGE = 500;

/** "Fix Using the Repo": rewrites the lines of a diagnostic, with the repository's code before the model's eyes. */
export async function fix(place: ActionPlace, range: unknown, message: unknown): Promise<void> {
  const fault = faultAt(place, range, message);
  if (!fault) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is no problem at the cursor to fix."));
    return;
  }
  const { lines, document, folder } = place;
  const [from, to] = [fault.range.start.line, fault.range.end.line];
  const [first, last] = around(lines, from, to);
  const before = lines.slice(first, from);
  const wrong = lines.slice(from, to + 1);
  const names = [...new Set(wrong.join("\n").match(/[\p{L}_$][\p{L}\p{N}_$]{2,}/gu) ?? [])].slice(0, 8);
  const question =
    `Fix the error in line ${from + 1} of the selected code: "${fault.message}". ` +
    `It names ${names.map((name) => `\`${name}\``).join(", ")}. Answer with the whole corrected code.`;
  const parts = [`\`\`\`${document.languageId}\n${before.map((line) => `${line}\n`).join("")}`];
  const title = vscode.l10n.t("Fixing line {0}", from + 1);
  const answer = await generateCode(place.host, folder, document, title, {
    question,
    parts,
    selection: selectionOf(place, first, last),
  });
  if (answer === undefined) return;
  const fixed = smallestFix(answer, before, wrong, lines.slice(to + 1, last + 1));
  if ("problem" in fixed) return tellUnusable(fixed.problem);
  const proposal = { folder, label: vscode.l10n.t("Fix Using the Repo") };
  await proposeReplacement(proposal, document, place.version, linesRange(place, from, to), fixed.code);
}

/** What a code action names; from the palette the first problem at the cursor. */
function faultAt({ document, range: cursor }: ActionPlace, range: unknown, message: unknown) {
  if (range instanceof vscode.Range && typeof message === "string") {
    return { range: document.validateRange(range), message: short(message) };
  }
  const found = vscode.languages.getDiagnostics(document.uri).find((each) => each.range.intersection(cursor));
  return found && { range: found.range, message: short(found.message) };
}

function short(message: string): string {
  return message.replace(/\s+/g, " ").slice(0, MOST_MESSAGE);
}

/** The function that the lines stand in, where it is short; else some lines around them. 0-based, inclusive. */
function around(lines: readonly string[], from: number, to: number): [number, number] {
  let first = from;
  while (
    first > 0 &&
    !(
      declarationIn(lines[first] ?? "") && indentation(lines[first] ?? "") < Math.max(1, indentation(lines[from] ?? ""))
    )
  )
    first--;
  const last = Math.max(to, lastLineOf(lines, first));
  if (last - first < MOST_LINES && declarationIn(lines[first] ?? "")) return [first, last];
  return [Math.max(0, from - LINES_BEFORE), Math.min(lines.length - 1, to + LINES_AFTER)];
}
