/** The extension as the tests inside the extension host see it. */
import assert from "node:assert/strict";
import * as vscode from "vscode";
import type { Host } from "../../../extension/host.ts";

/** The installed extension; its `activate` gives its Host. */
export function theExtension(): vscode.Extension<Host> {
  const extension = vscode.extensions.getExtension<Host>("repo-memory.repo-memory");
  assert(extension, "the extension is not installed");
  return extension;
}

/** Activates the extension and waits for its engine. */
export async function activeHost(): Promise<Host> {
  const host = await theExtension().activate();
  await host.ready();
  return host;
}

/** A file of the open folder. */
export function file(path: string): vscode.Uri {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert(folder, "the suite needs an open folder");
  return vscode.Uri.joinPath(folder.uri, path);
}
