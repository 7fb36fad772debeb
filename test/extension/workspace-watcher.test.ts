import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type * as vscode from "vscode";
import type { ChangedParams } from "../../engine/protocol/requests.ts";
import type { EngineClient } from "../../extension/engine-client.ts";
import { FolderMemory } from "../../extension/folder-memory.ts";
import type { Host } from "../../extension/host.ts";
import { watchWorkspace } from "../../extension/workspace-watcher.ts";
import { english } from "../support/english.ts";
import { servedEngine } from "../support/served-engine.ts";

const ROOT = "/folder";

interface Document {
  uri: vscode.Uri;
  isDirty: boolean;
  getText: () => string;
}

/** What VS Code would tell the watcher, and its open documents. */
const editor = vi.hoisted(() => {
  const listeners: Record<string, (event: unknown) => void> = {};
  const on = (name: string) => (listener: (event: unknown) => void) => {
    listeners[name] = listener;
    return { dispose: () => {} };
  };
  return { listeners, on, documents: new Array<object>(), uri: (_path: string): unknown => undefined };
});
vi.mock("vscode", async () => {
  const { vscodeStub } = await import("../support/vscode-stub.ts");
  const plain = vscodeStub("/folder");
  const { on } = editor;
  editor.uri = (path) => plain.Uri.file(`/folder/${path}`);
  const disk = { onDidChange: on("disk"), onDidCreate: on("created"), onDidDelete: on("deleted"), dispose: () => {} };
  const workspace = {
    ...plain.workspace,
    textDocuments: editor.documents,
    createFileSystemWatcher: () => disk,
    onDidSaveTextDocument: on("saved"),
    onDidCloseTextDocument: on("closed"),
    onDidRenameFiles: on("renamed"),
    onDidChangeTextDocument: on("typed"),
  };
  return { ...plain, workspace };
});
beforeEach(() => void editor.documents.splice(0));

/** A thing of VS Code or ours with only these parts; what else is asked of it fails the test. */
function stub(parts: object) {
  return Object.assign(Object.create(null), parts);
}

/** A folder that is watched, with a document in an editor; `told` is what the engine heard when a question comes. */
async function watched(path: string) {
  const told: ChangedParams["files"] = [];
  const client: EngineClient = await servedEngine({
    changed: async ({ files }) => void told.push(...files),
    recall: async () => ({ blocks: [] }),
  });
  const memory = new FolderMemory(ROOT, english);
  const state = { onChange: () => ({ dispose: () => {} }) };
  const host: Host = stub({ client: () => client, memoryOf: () => memory, engine: { state }, log: { warn: () => {} } });
  const watcher = watchWorkspace(host);
  onTestFinished(() => watcher.dispose());
  let text = "";
  const document: Document = stub({ uri: editor.uri(path), isDirty: false, getText: () => text });
  editor.documents.push(document);
  const tell = (name: string, event: unknown) => editor.listeners[name]?.(event);
  const type = (typed: string) => {
    text = typed;
    document.isDirty = true;
    tell("typed", { document, contentChanges: [{}] });
  };
  const question = async () => {
    await client.recall({ folder: ROOT, question: "What is it?" });
    return told.splice(0);
  };
  return { document, tell, type, question };
}

test("a file's event that comes late does not take the place of what was typed since", async () => {
  const { document, tell, type, question } = await watched("a.ts");
  type("saved");
  document.isDirty = false;
  tell("saved", document);
  type("saved, and typed on");
  tell("disk", document.uri);
  expect(await question()).toEqual([{ path: "a.ts", text: "saved, and typed on" }]);
});

test("a change on disk of a file that no editor changed is told without a text, as is a save", async () => {
  const { document, tell, type, question } = await watched("a.ts");
  tell("disk", editor.uri("b.ts"));
  type("typed");
  document.isDirty = false;
  tell("saved", document);
  expect(await question()).toEqual([{ path: "b.ts" }, { path: "a.ts" }]);
});

test("what was typed and closed without saving is the disk's again", async () => {
  const { document, tell, type, question } = await watched("a.ts");
  type("typed");
  expect(await question()).toEqual([{ path: "a.ts", text: "typed" }]);
  editor.documents.splice(0);
  tell("closed", document);
  expect(await question()).toEqual([{ path: "a.ts" }]);
});
