import * as vscode from "vscode";
import type { LineRange } from "../../engine/protocol/requests.ts";
import { citationTarget } from "../citation-target.ts";
import { declarationIn, lastLineOf } from "../explain/declarations.ts";
import { proposeReplacement } from "./confirmed-edit.ts";
import { usableCode } from "./fenced-code.ts";
import { generateCode } from "./generate-code.ts";
import { type ActionPlace, linesRange, selectionOf, tellUnusable } from "./place.ts";

/** Characters of code that the memory is asked with; more would blur what it is about. */
const MOST_CODE = 1_000;
const MOST_FOUND = 12;
/** Places that a rewriting goes by. */
const MODELS = 3;

/** "Find Similar Code": the memory's closest blocks, as a list to step through. */
export async function findSimilar(place: ActionPlace): Promise<void> {
  const [first, last] = passage(place);
  const similar = await similarTo(place, first, last, MOST_FOUND);
  const locations = await Promise.all(similar.map((range) => locationOf(place, range)));
  const { document } = place;
  await vscode.commands.executeCommand(
    "editor.action.goToLocations",
    document.uri,
    new vscode.Position(first, 0),
    locations.flatMap((location) => location ?? []),
    "peek",
    vscode.l10n.t("No similar code is in memory."),
  );
}

/** "Make It Like the Rest": rewrites the selection after the closest code in the memory. */
export async function makeLikeTheRest(place: ActionPlace): Promise<void> {
  const [first, last] = passage(place);
  const similar = await similarTo(place, first, last, MODELS);
  const [closest] = similar;
  if (!closest) {
    void vscode.window.showInformationMessage(vscode.l10n.t("No similar code is in memory."));
    return;
  }
  const { folder, document } = place;
  const selection = selectionOf(place, first, last);
  const question = `Rewrite the selected code so that it does the same in the style of ${closest.path}. Answer with the code only.`;
  const parts = [`\`\`\`${document.languageId}\n`];
  const title = vscode.l10n.t("Rewriting lines {0} to {1}", first + 1, last + 1);
  const answer = await generateCode(place.host, folder, document, title, {
    question,
    parts,
    selection,
    ranges: similar,
  });
  if (answer === undefined) return;
  const usable = usableCode(answer, place.lines.slice(first, last + 1).join("\n"));
  if ("problem" in usable) return tellUnusable(usable.problem);
  const proposal = { folder, label: vscode.l10n.t("Make It Like the Rest") };
  await proposeReplacement(proposal, document, place.version, linesRange(place, first, last), usable.code);
}

/** The selected lines; without a selection what the cursor's line declares. 0-based, inclusive. */
function passage({ range, lines }: ActionPlace): [number, number] {
  const { start, end } = range;
  if (range.isEmpty)
    return [start.line, declarationIn(lines[start.line] ?? "") ? lastLineOf(lines, start.line) : start.line];
  // A selection that ends at the start of a line does not mean that line.
  return [start.line, end.character === 0 && end.line > start.line ? end.line - 1 : end.line];
}

/** The memory's blocks that are closest to lines of the document, best first, without those of these lines. */
async function similarTo(place: ActionPlace, first: number, last: number, most: number): Promise<LineRange[]> {
  const client = await place.host.ready();
  const question = place.lines
    .slice(first, last + 1)
    .join("\n")
    .trim()
    .slice(0, MOST_CODE);
  if (question === "") return [];
  const { blocks } = await client.recall({ folder: place.folder.uri.fsPath, question, top: most + 4 });
  const isItself = ({ path, startLine, endLine }: LineRange) =>
    path === place.path && startLine <= last + 1 && endLine >= first + 1;
  return blocks
    .filter((block) => !isItself(block))
    .slice(0, most)
    .map(({ path, startLine, endLine }) => ({ path, startLine, endLine }));
}

/** Where a block's lines are; undefined for what does not lie in the folder (any more). */
async function locationOf({ folder }: ActionPlace, { path, startLine, endLine }: LineRange) {
  if ((await citationTarget(folder.uri.fsPath, path)) === undefined) return undefined;
  const range = new vscode.Range(startLine - 1, 0, endLine, 0);
  return new vscode.Location(vscode.Uri.joinPath(folder.uri, path), range);
}
