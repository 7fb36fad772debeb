import { expect, test } from "vitest";
import type { HostMessage } from "../../webview/protocol/messages.ts";
import type { Turn } from "../../webview/protocol/turn.ts";
import { madeTurn } from "../support/turns.ts";
import { answering, initialState, reduce, reduceAll } from "../../webview/state.ts";

function turn(id: number, changes: Partial<Turn> = {}): Turn {
  return madeTurn(id, { answer: "", state: "looking", ...changes });
}

function chat(id: string, turns: Turn[]): HostMessage {
  return { type: "chat", chat: { id, title: "", turns, pinned: [], excluded: [] } };
}

test("tokens join their own turn, and leave the others' objects alone", () => {
  const shown = reduceAll(initialState, [chat("c", [turn(1, { state: "done" }), turn(2)])]);
  const written = reduceAll(shown, [
    { type: "token", id: 2, text: "The " },
    { type: "token", id: 2, text: "answer" },
  ]);
  expect(written.turns[1]).toMatchObject({ answer: "The answer", state: "writing" });
  expect(written.turns[0]).toBe(shown.turns[0]);
  expect(answering(written.turns)?.id).toBe(2);
});

test("a turn that ends is announced once, and nothing is being answered any more", () => {
  const open = reduceAll(initialState, [{ type: "turn", turn: turn(1) }]);
  expect(open.announcement).toBe("");
  const ended = reduce(open, { type: "turn", turn: turn(1, { state: "done", answer: "Yes." }) });
  expect(ended.announcement).not.toBe("");
  expect(answering(ended.turns)).toBeUndefined();
  expect(reduce(ended, chat("c", [])).announcement).toBe("");
});

test("a token for a turn that is gone changes nothing that is shown", () => {
  const shown = reduceAll(initialState, [{ type: "turn", turn: turn(1) }]);
  expect(reduce(shown, { type: "token", id: 9, text: "x" }).turns).toEqual(shown.turns);
});

test("another chat is shown where the last one was, the same chat leaves the view as it is", () => {
  const listed = reduceAll(initialState, [chat("a", [turn(1)]), { type: "tab", tab: "chats" }, chat("a", [turn(1)])]);
  expect(listed.tab).toBe("chats");
  expect(reduce(listed, chat("b", []))).toMatchObject({ tab: "chat", chat: { id: "b" }, turns: [] });
});

test("what is mentioned twice is there once, and goes with the question", () => {
  const file = { kind: "file", path: "a.ts" } as const;
  const mentioned = reduceAll(initialState, [
    { type: "mention", mentions: [file] },
    { type: "mention", mentions: [{ ...file }, { kind: "problems" }] },
  ]);
  expect(mentioned.mentions).toEqual([file, { kind: "problems" }]);
  expect(reduce(mentioned, { type: "asked" }).mentions).toEqual([]);
});
