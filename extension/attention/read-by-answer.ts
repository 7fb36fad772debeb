import type * as vscode from "vscode";
import type { ScoredRange } from "../../engine/protocol/requests.ts";

/** What an answer read. */
export interface ReadByAnswer {
  folder: vscode.WorkspaceFolder;
  /** Best first. */
  lines: readonly ScoredRange[];
}
