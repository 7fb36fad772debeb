/** Commands about what is in memory: read, pause, forget. */
import * as vscode from "vscode";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { EngineClient } from "../engine-client.ts";
import type { FolderMemory } from "../folder-memory.ts";
import type { Host } from "../host.ts";
import { openFiles, pathIn } from "../open-files.ts";

/** Waits with reading after the file in work. */
export function pause(host: Host): Promise<void> {
  return withMemory(host, (memory, client) => memory.pause(client));
}

/** Goes on with reading. */
export function resume(host: Host): Promise<void> {
  return withMemory(host, (memory, client) => memory.resume(client));
}

/** Forgets the folder that questions go to, and reads all of it anew. */
export async function readAgain(host: Host): Promise<void> {
  const folder = host.folder();
  if (!folder || !(await confirmed(vscode.l10n.t("Read everything of {0} again?", folder.name), again()))) return;
  const client = await host.ready();
  await forgetAll(host.memoryOf(folder), client);
  await host.memoryOf(folder).read(client, openFiles(folder));
}

/** Forgets the folder that questions go to. */
export async function forgetFolder(host: Host): Promise<void> {
  const folder = host.folder();
  if (!folder || !(await confirmed(vscode.l10n.t("Forget everything that was read of {0}?", folder.name), forget())))
    return;
  await forgetAll(host.memoryOf(folder), await host.ready());
}

/** Forgets all folders of the workspace. */
export async function forgetWorkspace(host: Host): Promise<void> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const names = folders.map(({ name }) => name).join(", ");
  if (folders.length === 0) return;
  if (!(await confirmed(vscode.l10n.t("Forget everything that was read of {0}?", names), forget()))) return;
  const client = await host.ready();
  for (const folder of folders) await forgetAll(host.memoryOf(folder), client);
}

/** Forgets files or folders: those picked in the explorer, else the file in the editor. They are read again when they change. */
export async function forgetFiles(host: Host, uri?: unknown, picked?: unknown): Promise<void> {
  const uris = filesOf(uri, picked);
  const byFolder = Map.groupBy(uris, (each) => vscode.workspace.getWorkspaceFolder(each));
  byFolder.delete(undefined);
  if (byFolder.size === 0) throw new RepoMemoryError("usage", noFile());
  const client = await host.ready();
  let files = 0;
  for (const [folder, ofFolder] of byFolder) {
    if (!folder) continue;
    const paths = ofFolder.flatMap((each) => pathIn(folder, each) ?? []);
    if (paths.length === 0) continue;
    files += (await client.forget({ folder: folder.uri.fsPath, paths })).files;
    await host.memoryOf(folder).refresh(client);
  }
  void vscode.window.showInformationMessage(
    files === 0 ? vscode.l10n.t("Nothing of it was in memory.") : vscode.l10n.t("Files forgotten: {0}.", files),
  );
}

function filesOf(uri: unknown, picked: unknown): vscode.Uri[] {
  const several = Array.isArray(picked) ? picked.filter((each) => each instanceof vscode.Uri) : [];
  if (several.length > 0) return several;
  const one = uri instanceof vscode.Uri ? uri : vscode.window.activeTextEditor?.document.uri;
  return one ? [one] : [];
}

async function forgetAll(memory: FolderMemory, client: EngineClient): Promise<void> {
  memory.reset();
  await client.forget({ folder: memory.folder });
  await memory.refresh(client);
}

async function confirmed(question: string, button: string): Promise<boolean> {
  const detail = vscode.l10n.t("Your files stay as they are. Reading them again takes as long as the first time.");
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, button)) === button;
}

function forget(): string {
  return vscode.l10n.t("Forget");
}

function again(): string {
  return vscode.l10n.t("Read again");
}

function noFile() {
  return {
    message: vscode.l10n.t("No file of the workspace is chosen."),
    meaning: vscode.l10n.t("Nothing was forgotten."),
    remedy: vscode.l10n.t("Open the file, or pick it in the explorer, and try again."),
  };
}

async function withMemory(
  host: Host,
  action: (memory: FolderMemory, client: EngineClient) => Promise<void>,
): Promise<void> {
  const folder = host.folder();
  const client = host.client();
  if (folder && client) await action(host.memoryOf(folder), client);
}
