import type * as vscode from "vscode";
import type { AnswerPart } from "./answer-text.ts";
import { locationOf } from "./place.ts";

/** Writes a part of an answer; a path becomes a link where that file is in the folder, and stays code where it is not. */
export async function writePart(
  stream: vscode.ChatResponseStream,
  folder: vscode.WorkspaceFolder,
  part: AnswerPart,
): Promise<void> {
  if (part.kind === "markdown") {
    stream.markdown(part.text);
    return;
  }
  const { path, line = 1, written } = part;
  const location = await locationOf(folder, { path, startLine: line, endLine: line });
  if (location) stream.anchor(part.line === undefined ? location.uri : location, written.slice(1, -1));
  else stream.markdown(written);
}
