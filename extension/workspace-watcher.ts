import * as vscode from "vscode";
import { ChangeBatch } from "./change-batch.ts";
import type { Host } from "./host.ts";
import { openFiles, pathIn, unsavedTexts } from "./open-files.ts";

/** Longer texts are not sent from the editor: the engine skips files of that size anyway. In UTF-16 units. */
const LONGEST_TEXT = 1024 * 1024;

/** Tells the engine which files changed. These are hints: the engine compares contents and decides. */
export function watchWorkspace(host: Host): vscode.Disposable {
  const watchers = new Map<string, FolderWatcher>();
  const reconcile = () => {
    const folders = vscode.workspace.workspaceFolders ?? [];
    for (const [path, watcher] of watchers) {
      if (folders.some(({ uri }) => uri.fsPath === path)) continue;
      watcher.dispose();
      watchers.delete(path);
    }
    for (const folder of folders) {
      if (!watchers.has(folder.uri.fsPath)) watchers.set(folder.uri.fsPath, new FolderWatcher(host, folder));
    }
  };
  reconcile();
  const changes = vscode.workspace.onDidChangeWorkspaceFolders(reconcile);
  return {
    dispose: () => {
      changes.dispose();
      for (const watcher of watchers.values()) watcher.dispose();
    },
  };
}

class FolderWatcher {
  readonly #folder: vscode.WorkspaceFolder;
  readonly #batch: ChangeBatch;
  /** Files whose editors were typed in and not saved. */
  readonly #unsaved = new Set<string>();
  readonly #cleanup: vscode.Disposable;

  constructor(host: Host, folder: vscode.WorkspaceFolder) {
    this.#folder = folder;
    const memory = host.memoryOf(folder);
    const tell = async (files: { path: string; text?: string }[]) => {
      const client = host.client();
      if (!client) return;
      // The engine passes over a folder that is not in use, but keeps the texts for when it is.
      await client.changed({ folder: memory.folder, files });
      await memory.refresh(client);
    };
    const quietly = (work: Promise<void> | undefined) =>
      void work?.catch((error: unknown) => host.log.warn(String(error)));
    this.#batch = new ChangeBatch({
      send: (files) => quietly(tell(files)),
      lookAgain: () => {
        const client = host.client();
        if (client) quietly(memory.lookAgain(client));
      },
    });
    const tellEditors = () => {
      const client = host.client();
      if (!client) return;
      const files = unsavedTexts(folder, LONGEST_TEXT);
      for (const { path } of files) this.#unsaved.add(path);
      this.#batch.holds(files.map(({ path }) => path));
      quietly(client.changed({ folder: memory.folder, files, open: openFiles(folder) }));
    };
    const start = () => {
      tellEditors();
      // A question right after a keystroke is about the text with it. The client ends with its process.
      host.client()?.beforeQuestion((path) => path === memory.folder && this.#batch.sendNow());
    };
    // A new engine process knows nothing of what was typed; it keeps texts also for a folder that is not read yet.
    start();
    this.#cleanup = vscode.Disposable.from(
      this.#batch,
      ...this.#listen(),
      host.engine.state.onChange(({ kind }) => kind === "ready" && start()),
      vscode.window.onDidChangeActiveTextEditor(() => quietly(this.#showing(host))),
    );
  }

  dispose(): void {
    this.#cleanup.dispose();
  }

  /** The editor in front is read before the rest, while there is a rest. */
  async #showing(host: Host): Promise<void> {
    const memory = host.memoryOf(this.#folder);
    if (memory.facts.value.state !== "reading") return;
    await host.client()?.changed({ folder: memory.folder, files: [], open: openFiles(this.#folder) });
  }

  #listen(): vscode.Disposable[] {
    const disk = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(this.#folder, "**/*"));
    const onDisk = (uri: vscode.Uri) => this.#onDisk(uri);
    return [
      disk,
      disk.onDidChange(onDisk),
      disk.onDidCreate(onDisk),
      disk.onDidDelete(onDisk),
      vscode.workspace.onDidSaveTextDocument(({ uri }) => onDisk(uri)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#closed(uri)),
      vscode.workspace.onDidRenameFiles(({ files }) =>
        files.flatMap(({ oldUri, newUri }) => [oldUri, newUri]).forEach(onDisk),
      ),
      vscode.workspace.onDidChangeTextDocument((event) => this.#inEditor(event)),
    ];
  }

  #onDisk(uri: vscode.Uri): void {
    const path = this.#path(uri);
    if (path === undefined) return;
    // A file's event may come late: what was typed since stands for the file all the same.
    const address = uri.toString();
    const typed = vscode.workspace.textDocuments.find((each) => each.isDirty && each.uri.toString() === address);
    if (typed) return this.#typed(path, typed);
    this.#unsaved.delete(path);
    this.#batch.onDisk(path);
  }

  /** Closed without saving: what was typed is gone, the disk holds again. */
  #closed(uri: vscode.Uri): void {
    const path = this.#path(uri);
    if (path !== undefined && this.#unsaved.has(path)) this.#onDisk(uri);
  }

  #inEditor({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const path = this.#path(document.uri);
    if (path !== undefined && contentChanges.length > 0) this.#typed(path, document);
  }

  #typed(path: string, document: vscode.TextDocument): void {
    this.#unsaved.add(path);
    // The first change comes before the document counts as unsaved: that is asked when typing rests.
    this.#batch.inEditor(path, () => {
      const text = document.isDirty ? document.getText() : undefined;
      return text && text.length > LONGEST_TEXT ? undefined : text;
    });
  }

  #path(uri: vscode.Uri): string | undefined {
    return pathIn(this.#folder, uri);
  }
}
