import * as vscode from "vscode";
import { declarationIn, lastLineOf } from "../explain/declarations.ts";
import { proposeFile, proposeReplacement } from "./confirmed-edit.ts";
import { usableCode } from "./fenced-code.ts";
import { generateCode } from "./generate-code.ts";
import { type ActionPlace, selectionOf, tellUnusable } from "./place.ts";
import { nearestTest, testOpening, testPathFor } from "./test-files.ts";

/** Test files that are looked at. */
const MOST_FILES = 2_000;
/** Of the nearest test, what the model reads again; all of its blocks are in the window besides. */
const MOST_LINES = 200;
const TESTS = "**/*{test,spec,Test,Spec}*.*";
const NOT_OURS = "**/{node_modules,dist,out,build,target,vendor,.venv,venv}/**";

/** "Write Tests Like Ours": for what the cursor's line declares, beside the repository's nearest test file and in its style. */
export async function writeTests(place: ActionPlace): Promise<void> {
  const { lines, folder, range, path } = place;
  const subject = declarationIn(lines[range.start.line] ?? "");
  const nearest = await nearestOf(folder, path);
  if (!subject || !nearest) {
    const message = subject
      ? vscode.l10n.t("No test file of this kind was found in {0} to go by.", folder.name)
      : vscode.l10n.t("Put the cursor on the line that declares what is to be tested.");
    void vscode.window.showInformationMessage(message);
    return;
  }
  const target = testPathFor(path, nearest.path);
  const opening = testOpening(nearest, { name: subject.name, path }, target);
  const selection = selectionOf(place, range.start.line, lastLineOf(lines, range.start.line));
  const question = `Write tests of \`${subject.name}\` like those in ${nearest.path}.`;
  const parts = [`\`\`\`${place.document.languageId}\n${opening}`];
  const ranges = [{ path: nearest.path, startLine: 1, endLine: MOST_LINES }, selectionRange(selection)];
  const title = vscode.l10n.t("Writing tests of {0}", subject.name);
  const answer = await generateCode(place.host, folder, place.document, title, { question, parts, selection, ranges });
  if (answer === undefined) return;
  const usable = usableCode(answer, "");
  if ("problem" in usable) return tellUnusable(usable.problem);
  // Nothing behind what was given: no test.
  if (usable.code.length <= opening.trim().length) return tellUnusable("no code");
  await propose(place, target, usable.code);
}

/** A new file; where the source has a test already, lines at its end. */
async function propose({ folder }: ActionPlace, path: string, code: string): Promise<void> {
  const proposal = { folder, label: vscode.l10n.t("Write Tests Like Ours") };
  const uri = vscode.Uri.joinPath(folder.uri, path);
  const existing = await textOf(uri);
  if (!existing) return proposeFile(proposal, path, `${code}\n`);
  const end = existing.lineAt(existing.lineCount - 1).range.end;
  const more = withoutKnown(code, existing.getText());
  if (more === "") return tellUnusable("unchanged");
  await proposeReplacement(proposal, existing, existing.version, new vscode.Range(end, end), `\n${more}\n`);
}

/** Without the imports that the file has already, and without empty lines at the beginning. */
function withoutKnown(code: string, existing: string): string {
  const known = new Set(existing.split(/\r\n|\r|\n/).map((line) => line.trim()));
  const lines = code.split("\n").filter((line) => line.trim() === "" || !known.has(line.trim()) || /^\s/.test(line));
  return lines.join("\n").trim();
}

async function nearestOf(folder: vscode.WorkspaceFolder, path: string) {
  const pattern = new vscode.RelativePattern(folder, TESTS);
  const found = await vscode.workspace.findFiles(pattern, NOT_OURS, MOST_FILES);
  const nearest = nearestTest(
    path,
    found.map((uri) => vscode.workspace.asRelativePath(uri, false)),
  );
  const document = nearest === undefined ? undefined : await textOf(vscode.Uri.joinPath(folder.uri, nearest));
  return nearest !== undefined && document ? { path: nearest, text: document.getText() } : undefined;
}

async function textOf(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  return vscode.workspace.openTextDocument(uri).then(
    (document) => document,
    () => undefined,
  );
}

function selectionRange({ path, startLine, endLine }: ReturnType<typeof selectionOf>) {
  return { path, startLine, endLine };
}
