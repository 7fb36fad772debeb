import { beforeEach, expect, test, vi } from "vitest";
import type { ChatPage } from "../../extension/chats/chat-page.ts";
import { actOn } from "../../extension/chats/page-actions.ts";
import type { Conversation } from "../../extension/conversation.ts";

/** The editor in front. */
const front = vi.hoisted((): { editor: object | undefined } => ({ editor: undefined }));
vi.mock("vscode", async () => {
  const { vscodeStub } = await import("../support/vscode-stub.ts");
  const plain = vscodeStub("/projects/folder");
  const window = Object.defineProperty({ ...plain.window }, "activeTextEditor", { get: () => front.editor });
  return { ...plain, window };
});
beforeEach(() => {
  front.editor = undefined;
});

/** A thing of VS Code or ours with only these parts; what else is asked of it fails the test. */
function stub(parts: object) {
  return Object.assign(Object.create(null), parts);
}

function show(path: string): void {
  const uri = { scheme: "file", fsPath: path, path };
  const place = { line: 0, character: 0 };
  const document = {
    uri,
    lineAt: () => ({ text: "code", range: { start: place, end: place } }),
    getText: () => "code",
  };
  front.editor = { document, selection: { isEmpty: true, active: place } };
}

/** What a question of the panel is asked about. */
async function selectionOf(question: string): Promise<unknown> {
  const asked: Parameters<Conversation["ask"]>[] = [];
  const conversation = { ask: async (...all: Parameters<Conversation["ask"]>) => void asked.push(all) };
  const folder = { uri: { scheme: "file", fsPath: "/projects/folder" }, name: "folder", index: 0 };
  const page: ChatPage = stub({ host: { folder: () => folder }, chat: { conversation } });
  await actOn(page, { type: "ask", question, mentions: [] });
  expect(asked).toHaveLength(1);
  return asked[0]?.[1];
}

test("a command without a subject means what the editor in front shows", async () => {
  show("/projects/folder/src/a.ts");
  expect(await selectionOf("/explain")).toEqual({ path: "src/a.ts", startLine: 1, endLine: 1, text: "code" });
  expect(await selectionOf("/explain the port")).toBeUndefined();
});

test("a file outside of the folder is nothing that a command could be about", async () => {
  show("/elsewhere/b.ts");
  expect(await selectionOf("/explain")).toBeUndefined();
});
