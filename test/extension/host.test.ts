import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type * as vscode from "vscode";
import { Host } from "../../extension/host.ts";
import { asked } from "../support/vscode-stub.ts";

const scripted = fileURLToPath(new URL("../vscode/scripted-engine.ts", import.meta.url));

/** A window with two folders, whose editor and model the test decides on. */
const made = vi.hoisted((): { root: string; model: string; editor: object | undefined; shows: () => void } => {
  return { root: "", model: "", editor: undefined, shows: () => {} };
});
vi.mock("vscode", async () => {
  const { vscodeStub } = await import("../support/vscode-stub.ts");
  made.root = workspace();
  const plain = vscodeStub(made.root);
  const folders = ["one", "two"].map((name, index) => ({ uri: plain.Uri.file(join(made.root, name)), name, index }));
  const get = (name: string, value: unknown) => (name === "model" ? made.model : value);
  const onDidChangeActiveTextEditor = (listener: () => void) => {
    made.shows = listener;
    return new plain.Disposable(() => {});
  };
  const window = { ...plain.window, onDidChangeActiveTextEditor };
  Object.defineProperty(window, "activeTextEditor", { get: () => made.editor });
  const workspaceOf = {
    ...plain.workspace,
    isTrusted: true,
    workspaceFolders: folders,
    getConfiguration: () => ({ get, inspect: () => undefined }),
    getWorkspaceFolder: ({ fsPath }: { fsPath: string }) => folders.find(({ uri }) => fsPath.startsWith(uri.fsPath)),
  };
  return { ...plain, window, workspace: workspaceOf };
});

function workspace(): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "repo-memory-host-")));
  for (const folder of ["one", "two"]) {
    mkdirSync(join(root, folder));
    for (let index = 0; index < 6; index++) writeFileSync(join(root, folder, `${index}.ts`), "text");
  }
  return root;
}

afterAll(() => rmSync(made.root, { recursive: true, force: true }));
beforeEach(() => {
  made.model = "";
  made.editor = undefined;
});

/** A thing of VS Code with only these parts; what else is asked of it fails the test. */
function stub(parts: object) {
  return Object.assign(Object.create(null), parts);
}

function openWindow(): Host {
  const state = { get: (name: string, value: unknown) => name === "mayDownload" || value, update: async () => {} };
  const context: vscode.ExtensionContext = stub({ subscriptions: [], globalState: state, workspaceState: state });
  const log: vscode.LogOutputChannel = stub({ info() {}, debug() {}, error() {}, warn() {} });
  const host = new Host(context, log, scripted);
  onTestFinished(() => host.engine.stop());
  return host;
}

function memoryOf(host: Host, name: string) {
  const memory = host.memoryOf(stub({ uri: { fsPath: join(made.root, name) } }));
  return { memory, is: (state: string) => vi.waitFor(() => expect(memory.facts.value.state).toBe(state)) };
}

test("a question that was stopped while it waited leaves no reading behind", async () => {
  const host = openWindow();
  host.begin();
  const { is } = memoryOf(host, "one");
  await memoryOf(host, "two").is("ready");
  const asking = host.conversation.ask("Something that waits");
  await is("reading");
  host.conversation.stop();
  await asking;
  await is("ready");
  expect(host.conversation.turns).toMatchObject([{ state: "done", error: undefined }]);
});

test("a question that names a file which is not in memory is answered, and the user is told", async () => {
  const host = openWindow();
  await host.conversation.ask("Where?", undefined, { mentions: [{ kind: "file", path: ".env" }] });
  const told = () => asked.filter(({ on }) => on.startsWith("Not in memory"));
  await vi.waitFor(() => expect(told()).toHaveLength(1));
  expect(host.conversation.turns).toMatchObject([{ state: "done", error: undefined }]);
});

test("the folder that is shown is the one that a question goes to, whichever editor is in front", async () => {
  const host = openWindow();
  const file = join(made.root, "two", "1.ts");
  made.editor = { document: { uri: { scheme: "file", fsPath: file, path: file } } };
  made.shows();
  expect([host.folder()?.name, host.memory.value.folder]).toEqual(["two", "two"]);
  made.editor = undefined;
  made.shows();
  expect([host.folder()?.name, host.memory.value.folder]).toEqual(["one", "one"]);
});

test("a folder whose reading is paused keeps no other unread", async () => {
  made.model = "held";
  const host = openWindow();
  host.begin();
  const one = memoryOf(host, "one");
  await vi.waitFor(() => expect(one.memory.facts.value.meter?.done).toBe(3 * 700));
  await one.memory.pause(await host.ready());
  await memoryOf(host, "two").is("ready");
  await one.is("paused");
  await one.memory.resume(await host.ready());
  await one.is("ready");
});

test("a download that was stopped is not begun again by the next folder", async () => {
  made.model = "missing, held";
  const host = openWindow();
  host.begin();
  const one = memoryOf(host, "one");
  await vi.waitFor(() => expect(one.memory.facts.value.meter).toMatchObject({ phase: "download", done: 49_000_000 }));
  host.stopDownload(one.memory);
  await one.is("unread");
  // What was set off by the end of the first reading has been said to the engine before this.
  await (await host.ready()).ping();
  expect(memoryOf(host, "two").memory.facts.value).toMatchObject({ state: "unread", meter: undefined });
  await host.read();
  await one.is("ready");
});
