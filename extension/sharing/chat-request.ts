/** What a question in VS Code's own chat is about, in the engine's terms. */
import * as vscode from "vscode";
import type { AskParams, ChatTurn } from "../../engine/protocol/requests.ts";
import { pathIn } from "../open-files.ts";
import { codeIn } from "../selected-code.ts";

/** Earlier turns that go along: a small model's window has room for few. */
const MOST_TURNS = 8;
/** Characters of a question and of a turn that the engine takes. */
const LONGEST_QUESTION = 65_536;
const LONGEST_TURN = 16_384;
/** Files that a question can name: more do not fit a window anyway. */
const MOST_PINNED = 100;

/** Files and lines that a question names. */
export type Subject = Pick<AskParams, "pinned" | "selection">;

/** The folder that a question is about: that of the first file it names, else `otherwise`. */
export function folderOf(
  request: Pick<vscode.ChatRequest, "references">,
  otherwise: vscode.WorkspaceFolder | undefined,
): vscode.WorkspaceFolder | undefined {
  const folders = request.references.map((reference) => {
    const uri = uriOf(reference.value);
    return uri && vscode.workspace.getWorkspaceFolder(uri);
  });
  return folders.find((folder) => folder !== undefined) ?? otherwise;
}

/** Files that were attached stay in the window; the first lines that were attached are put into the prompt. */
export async function subjectOf(
  { references }: Pick<vscode.ChatRequest, "references">,
  folder: vscode.WorkspaceFolder,
): Promise<Subject> {
  const values = references.map(({ value }) => value);
  const pinned = values.flatMap((value) => (value instanceof vscode.Uri && pathIn(folder, value)) || []);
  const location = values.find((value) => value instanceof vscode.Location && pathIn(folder, value.uri) !== undefined);
  const selection = location instanceof vscode.Location ? await linesAt(location) : undefined;
  return {
    ...(pinned.length > 0 && { pinned: [...new Set(pinned)].slice(0, MOST_PINNED) }),
    ...(selection && { selection }),
  };
}

export function questionOf(prompt: string, otherwise: string): string {
  return (prompt.trim() || otherwise).slice(0, LONGEST_QUESTION);
}

/** The chat's earlier turns with this participant, oldest first; those that failed say nothing. */
export function historyOf({ history }: Pick<vscode.ChatContext, "history">): ChatTurn[] {
  const turns = history.flatMap((turn): ChatTurn[] => {
    if (turn instanceof vscode.ChatRequestTurn) return [{ role: "user", text: turn.prompt }];
    if (turn.result.errorDetails) return [];
    return [{ role: "assistant", text: turn.response.map(textOf).join("") }];
  });
  return turns
    .filter(({ text }) => text.trim() !== "")
    .slice(-MOST_TURNS)
    .map(({ role, text }) => ({ role, text: text.slice(0, LONGEST_TURN) }));
}

function textOf(part: vscode.ChatResponseTurn["response"][number]): string {
  if (part instanceof vscode.ChatResponseMarkdownPart) return part.value.value;
  return part instanceof vscode.ChatResponseAnchorPart ? (part.title ?? "") : "";
}

function uriOf(value: unknown): vscode.Uri | undefined {
  if (value instanceof vscode.Uri) return value;
  return value instanceof vscode.Location ? value.uri : undefined;
}

async function linesAt({ uri, range }: vscode.Location): Promise<Subject["selection"]> {
  return codeIn(await vscode.workspace.openTextDocument(uri), range);
}
