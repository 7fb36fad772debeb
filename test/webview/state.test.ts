import { expect, test } from "vitest";
import type { Turn } from "../../webview/protocol/messages.ts";
import { answering, initialState, reduce, reduceAll } from "../../webview/state.ts";

function turn(id: number, changes: Partial<Turn> = {}): Turn {
  return {
    id,
    question: `question ${id}`,
    answer: "",
    state: "looking",
    selection: undefined,
    found: undefined,
    citations: [],
    meta: undefined,
    error: undefined,
    ...changes,
  };
}

test("tokens join their own turn, and leave the others' objects alone", () => {
  const shown = reduceAll(initialState, [{ type: "transcript", turns: [turn(1, { state: "done" }), turn(2)] }]);
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
  expect(reduce(ended, { type: "transcript", turns: [] }).announcement).toBe("");
});

test("a token for a turn that is gone changes nothing that is shown", () => {
  const shown = reduceAll(initialState, [{ type: "turn", turn: turn(1) }]);
  expect(reduce(shown, { type: "token", id: 9, text: "x" }).turns).toEqual(shown.turns);
});
