import * as vscode from "vscode";
import { pathIn } from "../open-files.ts";

/** What is used of the API of VS Code's own Git extension (its `git.d.ts`, version 1). */
interface GitExtension {
  enabled: boolean;
  getAPI(version: 1): { getRepository(uri: vscode.Uri): Repository | null };
}

interface Repository {
  state: { indexChanges: Change[]; workingTreeChanges: Change[]; untrackedChanges?: Change[] };
  diff(cached?: boolean): Promise<string>;
}

interface Change {
  uri: vscode.Uri;
}

/** Files that differ from the last commit, and how: what is staged, then what is not. Nothing where Git is off or knows no repository. */
export async function uncommittedChanges(folder: vscode.WorkspaceFolder): Promise<{ files: string[]; diff: string }> {
  const extension = vscode.extensions.getExtension<GitExtension>("vscode.git");
  const git = await extension?.activate();
  const repository = git?.enabled === true ? git.getAPI(1).getRepository(folder.uri) : null;
  if (!repository) return { files: [], diff: "" };
  const { indexChanges, workingTreeChanges, untrackedChanges = [] } = repository.state;
  const changed = [...indexChanges, ...workingTreeChanges, ...untrackedChanges];
  const files = changed.flatMap(({ uri }) => pathIn(folder, uri) ?? []);
  const diffs = [await repository.diff(true), await repository.diff(false)];
  return { files: [...new Set(files)], diff: diffs.filter(Boolean).join("\n") };
}
