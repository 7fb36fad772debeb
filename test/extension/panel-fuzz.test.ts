import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import type * as vscode from "vscode";
import { ChatPage } from "../../extension/chats/chat-page.ts";
import { Host } from "../../extension/host.ts";
import { readViewMessage, type ViewMessage } from "../../webview/protocol/messages.ts";
import { randomChoice, randomInteger, seededRandom } from "../support/random.ts";
import { asked } from "../support/vscode-stub.ts";

const made = vi.hoisted(() => ({ root: "" }));
vi.mock("vscode", async () => {
  const { vscodeStub } = await import("../support/vscode-stub.ts");
  made.root = workspace();
  return vscodeStub(made.root);
});

/** A folder with two files, one link that stays in it and two that leave it. */
function workspace(): string {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), "repo-memory-fuzz-")));
  const root = join(parent, "folder");
  mkdirSync(join(root, "src"), { recursive: true });
  writeFileSync(join(root, "a.ts"), "one\ntwo\n");
  writeFileSync(join(root, "src/b.ts"), "one\n");
  writeFileSync(join(parent, "secret.txt"), "secret");
  symlinkSync(join(root, "a.ts"), join(root, "inside.ts"));
  symlinkSync(join(parent, "secret.txt"), join(root, "outside.txt"));
  symlinkSync(parent, join(root, "up"));
  return root;
}

afterAll(() => rmSync(join(made.root, ".."), { recursive: true, force: true }));
beforeEach(() => void asked.splice(0));

/** A thing of VS Code with only these parts; what else is asked of it fails the test. */
function stub(parts: object) {
  return Object.assign(Object.create(null), parts);
}

function openPage(): { receive: (message: unknown) => void; posted: unknown[]; warned: () => number } {
  let receive: (message: unknown) => void = () => {};
  const posted: unknown[] = [];
  let warnings = 0;
  const state = { get: (_: string, value: unknown) => value, update: async () => {} };
  const context: vscode.ExtensionContext = stub({ subscriptions: [], globalState: state, workspaceState: state });
  const log: vscode.LogOutputChannel = stub({
    info: () => {},
    debug: () => {},
    error: () => {},
    warn: () => warnings++,
  });
  const host = new Host(context, log, "no-engine.js");
  const webview: vscode.Webview = stub({
    cspSource: "https://self",
    asWebviewUri: (uri: vscode.Uri) => uri,
    onDidReceiveMessage: (listener: typeof receive) => ((receive = listener), { dispose: () => {} }),
    postMessage: async (message: unknown) => posted.push(message),
  });
  // Whatever is made of it is of the page's life: nothing here waits for an engine.
  void new ChatPage(host, webview, stub({ scheme: "file", path: "/ext" }), host.chats.current);
  return { receive: (message) => receive(message), posted, warned: () => warnings };
}

const TYPES: readonly (ViewMessage["type"] | "eval" | "executeCommand" | "__proto__")[] = [
  ...(["ready", "ask", "stop", "retry", "resend", "newChat", "openChat", "deleteChat", "exportChat"] as const),
  ...(["renameChat", "searchChats", "complete", "drop", "wish", "open", "link", "copy", "insert"] as const),
  ...(["apply", "pause", "resume", "read", "download", "restart", "showLog", "trust", "openFolder"] as const),
  ...(["chooseFolder", "chooseModel", "eval", "executeCommand", "__proto__"] as const),
];
const FIELDS = ["id", "question", "mentions", "title", "query", "request", "uris", "path", "wish", "command"];
const MORE_FIELDS = ["startLine", "endLine", "url", "text", "chat", "args", "constructor", "toString"];

/** Paths in the folder, and out of it by every way there is. */
const PATHS = ["a.ts", "src/b.ts", "inside.ts", "outside.txt", "up/secret.txt", "../secret.txt", "/etc/passwd"];

function randomPath(random: () => number, root: string): unknown {
  return random() < 0.7 ? randomChoice(random, PATHS) : randomValue(random, root);
}

/** Values that mean harm, and values that are right: only among these do messages get past the first check. */
function randomValue(random: () => number, root: string): unknown {
  const odd = ["", "\0a.ts", "a.ts\0", "..", ".", "src/../../secret.txt", "C:\\x", "\\\\host\\x", "file:///etc/passwd"];
  const uris = [
    "file:///etc/passwd",
    `file://${root}/a.ts`,
    `file://${root}/up/secret.txt`,
    "command:x",
    "%00",
    "http://h/",
  ];
  const words = ["command:workbench.action.quit", "javascript:alert(1)", "https://example.com/", "pinned", "none", "x"];
  const numbers = [0, 1, 2, -1, 1.5, Number.NaN, Infinity, 2 ** 53, 1e308];
  const mention = {
    kind: randomChoice(random, ["file", "selection", "symbol", "problems"]),
    path: randomChoice(random, PATHS),
  };
  const others = [null, true, {}, [], [mention], [{ ...mention, name: "n", startLine: 1, endLine: 2 }]];
  const long = "y".repeat(40_000);
  const lists = [PATHS, odd, words, numbers, others, [[randomChoice(random, uris)], long, { toString: 1 }]];
  return randomChoice<unknown>(random, lists.flat());
}

function randomMessage(random: () => number, root: string): unknown {
  if (random() < 0.02) return randomValue(random, root);
  const type = random() < 0.15 ? "open" : randomChoice(random, TYPES);
  const place = { path: randomPath(random, root), startLine: 1 + randomInteger(random, 3), endLine: 9 };
  if (type === "open" && random() < 0.8) return { type, ...place };
  if (type === "drop" && random() < 0.8) return { type, uris: [randomValue(random, root), `file://${root}/a.ts`] };
  if (type === "ask" && random() < 0.8) return { type, question: "q", mentions: [{ kind: "selection", ...place }] };
  const fields = [...FIELDS, ...MORE_FIELDS].filter(() => random() < 0.12);
  return Object.fromEntries([["type", type], ...fields.map((field) => [field, randomValue(random, root)])]);
}

/** Commands that buttons of the panel stand for; no other may ever be run. */
const ALLOWED = new Set([
  "repoMemory.pause",
  "repoMemory.resume",
  "repoMemory.read",
  "repoMemory.downloadModel",
  "repoMemory.restartEngine",
  "repoMemory.showLog",
  "repoMemory.chooseFolder",
  "repoMemory.chooseModel",
  "workbench.trust.manage",
  "vscode.openFolder",
  // Not of a message, but of the panel itself: a look-up of symbols.
  "vscode.executeWorkspaceSymbolProvider",
]);

test.each([1, 2, 3, 4])("random messages of a page do nothing that the panel cannot do (seed %d)", async (seed) => {
  const random = seededRandom(seed);
  const page = openPage();
  page.receive({ type: "ready" });
  let known = 0;
  for (let round = 0; round < 1500; round++) {
    const message = randomMessage(random, made.root);
    if (readViewMessage(message)) known++;
    page.receive(message);
    if (round % 50 === 0) await new Promise(setImmediate);
  }
  const files = () => asked.filter(({ what }) => ["read", "show", "write"].includes(what));
  // The fuzz reaches what it tests: files are opened, and many messages are known and many refused.
  await vi.waitFor(() => expect(files().length).toBeGreaterThan(20), { timeout: 20_000 });
  expect(asked.filter(({ what, on }) => what === "command" && !ALLOWED.has(on))).toEqual([]);
  expect(files().filter(({ on }) => !realpathSync(on).startsWith(made.root + sep))).toEqual([]);
  // No address is opened without a yes in VS Code's own dialog, which nobody said here.
  expect(asked.filter(({ what }) => what === "openExternal")).toEqual([]);
  expect(known).toBeGreaterThan(200);
  expect(page.warned()).toBeGreaterThan(200);
});

test("a page's own script can name no command, and no field beside those of its message", () => {
  expect(readViewMessage({ type: "executeCommand", command: "workbench.action.quit" })).toBeUndefined();
  expect(readViewMessage({ type: "read", command: "workbench.action.quit" })).toBeUndefined();
  expect(readViewMessage({ type: "open", path: "a.ts", startLine: 0, endLine: 1 })).toBeUndefined();
  expect(readViewMessage({ type: "link", url: "command:workbench.action.quit" })).toBeUndefined();
  expect(readViewMessage({ type: "deleteChat", id: "../../x" })).toBeUndefined();
});
