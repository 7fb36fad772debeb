import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import type { AnswerEvent } from "../../engine/protocol/requests.ts";
import { ChatFiles } from "../../extension/chats/chat-files.ts";
import { Chats, chatView, snapshot, titleOf } from "../../extension/chats/chats.ts";
import { chatJson, chatMarkdown } from "../../extension/chats/export-chat.ts";
import { readSavedChat, type SavedChat, writeSavedChat } from "../../extension/chats/saved-chat.ts";
import { english } from "../support/english.ts";
import { madeTurn } from "../support/turns.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "repo-memory-chats-"));
  folders.push(folder);
  return folder;
}

/** Chats that answer each question with itself, in a folder; the clock moves on by one with each look at it. */
async function open(folder: string, last?: string) {
  const files = new ChatFiles(folder);
  const failures: unknown[] = [];
  let now = 1000;
  const chats = new Chats(
    {
      ask: ({ question }) => answer(question),
      links: async () => [],
      l10n: english,
      tell: () => {},
      changed: () => {},
      failed: (error) => failures.push(error),
      now: () => now++,
    },
    files,
    last,
  );
  await chats.loaded;
  /** Writes are in a row: when this one is done, those before it are. */
  const written = () => files.remove("none");
  return { chats, failures, written };
}

async function* answer(question: string): AsyncGenerator<AnswerEvent> {
  yield { type: "token", text: `About ${question}` };
}

test("chats outlive the window: titles, turns, pinned files, and which was open", async () => {
  const folder = newFolder();
  const first = await open(folder);
  const { current } = first.chats;
  await current.conversation.ask("Where is the port?");
  current.conversation.wish("src/a.ts", "pinned");
  const second = first.chats.fresh();
  await second.conversation.ask("How is it tested?");
  first.chats.rename(second.id, "Tests");
  await first.written();
  const again = await open(folder, current.id);
  expect(again.chats.current.id).toBe(current.id);
  expect(chatView(again.chats.current)).toMatchObject({
    title: "Where is the port?",
    turns: [{ question: "Where is the port?", answer: "About Where is the port?", state: "done" }],
    pinned: ["src/a.ts"],
  });
  expect(again.chats.list("").map(({ title }) => title)).toEqual(["Tests", "Where is the port?"]);
  expect([...first.failures, ...again.failures]).toEqual([]);
});

test("a chat without a question is neither kept nor listed", async () => {
  const folder = newFolder();
  const { chats, written } = await open(folder);
  const empty = chats.current;
  expect(chats.fresh()).toBe(empty);
  await written();
  expect(chats.list("")).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test("a chat is found by words of its title, questions and answers, with the place", async () => {
  const { chats } = await open(newFolder());
  await chats.current.conversation.ask("Where is the PORT set?");
  chats.rename(chats.current.id, "Configuration");
  expect(chats.list("configur")).toMatchObject([{ title: "Configuration", excerpt: undefined }]);
  expect(chats.list("port where")).toMatchObject([{ excerpt: "Where is the PORT set?" }]);
  expect(chats.list("about")).toMatchObject([{ excerpt: "About Where is the PORT set?" }]);
  expect(chats.list("host")).toEqual([]);
});

test("a deleted chat is gone from the list and the disk, and another is current", async () => {
  const folder = newFolder();
  const { chats, written } = await open(folder);
  const { id, conversation } = chats.current;
  await conversation.ask("Where?");
  chats.remove(id);
  await written();
  expect(chats.list("")).toEqual([]);
  expect(chats.get(id)).toBeUndefined();
  expect(chats.current.id).not.toBe(id);
  expect(readdirSync(folder)).toEqual([]);
});

test("no more than a hundred chats are kept: those that were left alone longest go", async () => {
  const folder = newFolder();
  const { chats, written } = await open(folder);
  for (let index = 0; index < 103; index++) await chats.create().conversation.ask(`question ${index}`);
  await written();
  expect(readdirSync(folder)).toHaveLength(100);
  const titles = chats.list("").map(({ title }) => title);
  expect(titles).toHaveLength(100);
  expect(titles.at(-1)).toBe("question 3");
}, 30_000);

test("damaged files are passed over, and stay where they are", async () => {
  const folder = newFolder();
  const turn = madeTurn(1);
  const saved = { id: "one", title: "", created: 1, changed: 1, turns: [turn], pinned: [], excluded: [] };
  writeFileSync(join(folder, "one.json"), writeSavedChat(saved));
  writeFileSync(join(folder, "two.json"), "{");
  writeFileSync(join(folder, "other-name.json"), writeSavedChat(saved));
  const hostile = { ...saved, id: "../../evil", turns: [{ ...turn, answer: 5 }] };
  writeFileSync(join(folder, "three.json"), JSON.stringify({ version: 1, ...hostile }));
  const { chats, failures } = await open(folder);
  expect(chats.list("").map(({ id }) => id)).toEqual(["one"]);
  expect(failures).toEqual([]);
  expect(readdirSync(folder)).toHaveLength(4);
});

test("a chat's file that cannot be read hides no other chat", async () => {
  const folder = newFolder();
  const saved = { title: "", created: 1, changed: 1, turns: [madeTurn(1)], pinned: [], excluded: [] };
  writeFileSync(join(folder, "one.json"), writeSavedChat({ ...saved, id: "one" }));
  // Reading a folder fails as reading a file without the right to does, and a link into nothing has no size.
  mkdirSync(join(folder, "two.json"));
  symlinkSync(join(folder, "nothing"), join(folder, "three.json"));
  const { chats, failures } = await open(folder);
  expect(chats.list("").map(({ id }) => id)).toEqual(["one"]);
  expect(failures).toEqual([]);
});

test("no more is read than a window should hold: of large files the latest", async () => {
  const folder = newFolder();
  const long = "x".repeat(1024 * 1024);
  const turns = Array.from({ length: 7 }, (_, index) => madeTurn(index, { answer: long }));
  const saved = { title: "", created: 1, turns, pinned: [], excluded: [] };
  for (let index = 0; index < 10; index++) {
    const file = join(folder, `${index}.json`);
    writeFileSync(file, writeSavedChat({ ...saved, id: `${index}`, changed: index }));
    utimesSync(file, index, index);
  }
  const { chats } = await open(folder);
  expect(chats.list("").map(({ id }) => id)).toEqual(["9", "8", "7", "6", "5", "4", "3", "2", "1"]);
});

test("a window that shows no chat reads none, and keeps what was asked before it does", async () => {
  const storage = {
    load: vi.fn<() => Promise<SavedChat[]>>(async () => []),
    save: async () => {},
    remove: async () => {},
  };
  const nothing = {
    l10n: english,
    links: async () => [],
    tell: () => {},
    changed: () => {},
    failed: () => {},
    now: () => 1,
  };
  const chats = new Chats({ ...nothing, ask: ({ question }) => answer(question) }, storage);
  await chats.current.conversation.ask("Where?");
  expect(storage.load).not.toHaveBeenCalled();
  await Promise.all([chats.loaded, chats.loaded]);
  expect(storage.load).toHaveBeenCalledTimes(1);
  expect(chats.list("")).toHaveLength(1);
});

test("a saved chat comes back as it was, and one with a path as its id does not", () => {
  const turn = madeTurn(2, {
    mentions: [{ kind: "symbol", name: "start", path: "a.ts", startLine: 1, endLine: 2 }, { kind: "problems" }],
    window: [{ path: "a.ts", startLine: 1, endLine: 9, score: 1.5, why: "definition" }],
    sentences: [{ start: 0, end: 4, blocks: [{ path: "a.ts", startLine: 1, endLine: 9, share: 1 }] }],
    error: { message: "m", meaning: "", remedy: "", action: "restart" },
  });
  const chat = { id: "x", title: "T", created: 1, changed: 2, turns: [turn], pinned: ["b.ts"], excluded: [] };
  expect(readSavedChat(writeSavedChat(chat))).toEqual(chat);
  expect(readSavedChat(writeSavedChat({ ...chat, id: "../x" }))).toBeUndefined();
});

test("a chat is exported as Markdown with its sources, and as JSON", async () => {
  const { chats } = await open(newFolder());
  const chat = chats.current;
  await chat.conversation.ask("Where is\nthe port?");
  const saved = snapshot(chat);
  const citations = [{ path: "src/a.ts", startLine: 3, endLine: 9, share: 0.75 }];
  const shown = { ...saved, created: 0, turns: saved.turns.map((turn) => ({ ...turn, citations })) };
  expect(chatMarkdown(titleOf(chat), shown)).toBe(
    "# Where is\n\n*1970-01-01, Repo Memory*\n\n## Where is\n\nthe port?\n\nAbout Where is\nthe port?\n\nSources:\n\n- `src/a.ts:3-9` (75 %)\n",
  );
  expect(JSON.parse(chatJson("T", shown))).toMatchObject({
    title: "T",
    created: "1970-01-01T00:00:00.000Z",
    turns: [{ question: "Where is\nthe port?", citations }],
  });
});
