import type * as vscode from "vscode";
import type { AskParams } from "../../engine/protocol/requests.ts";
import type { Question } from "../conversation.ts";
import type { EngineClient } from "../engine-client.ts";
import { maxAnswerTokens, memoryStrategy } from "../settings.ts";
import { resolveMentions } from "./resolve-mentions.ts";

/** A question of a chat as the engine is asked it. */
export async function askParams(
  folder: vscode.WorkspaceFolder,
  client: EngineClient,
  { mentions, pinned, excluded, ranges = [], selection, ...question }: Question,
): Promise<AskParams> {
  const named = await resolveMentions(folder, client, mentions);
  const text = selection ?? named.selection;
  return {
    ...question,
    folder: folder.uri.fsPath,
    pinned: [...new Set([...pinned, ...named.pinned])],
    // What is asked about is never left out.
    excluded: excluded.filter((path) => !named.pinned.includes(path)),
    ranges: [...ranges, ...named.ranges],
    ...(text && { selection: text }),
    maxTokens: maxAnswerTokens(),
    ...memoryStrategy(),
  };
}
