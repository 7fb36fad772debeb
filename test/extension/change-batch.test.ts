import { expect, test } from "vitest";
import { ChangeBatch } from "../../extension/change-batch.ts";
import type { ChangedParams } from "../../engine/protocol/requests.ts";

/** A batch whose timers run when the test says so, those that were not cancelled. */
function batch() {
  const sent: ChangedParams["files"][] = [];
  let looks = 0;
  let timers: { action: () => void; isLive: boolean }[] = [];
  const changes = new ChangeBatch({
    send: (files) => sent.push(files),
    lookAgain: () => looks++,
    schedule: (action) => {
      const timer = { action, isLive: true };
      timers.push(timer);
      return { dispose: () => (timer.isLive = false) };
    },
  });
  const pass = () => {
    const due = timers;
    timers = [];
    for (const { action, isLive } of due) if (isLive) action();
  };
  return { changes, sent, pass, looks: () => looks };
}

test("many changes of a file are one, and go together with others", () => {
  const { changes, sent, pass } = batch();
  changes.onDisk("a.ts");
  changes.onDisk("b.ts");
  changes.onDisk("a.ts");
  pass();
  expect(sent).toEqual([[{ path: "a.ts" }, { path: "b.ts" }]]);
});

test("typing is sent when it rests, with the text of then", () => {
  const { changes, sent, pass } = batch();
  let text = "on";
  changes.inEditor("a.ts", () => text);
  text = "one";
  changes.inEditor("a.ts", () => text);
  pass();
  expect(sent).toEqual([]);
  pass();
  expect(sent).toEqual([[{ path: "a.ts", text: "one" }]]);
});

test("before a question all that waits is sent, with what is being typed, and not again later", () => {
  const { changes, sent, pass } = batch();
  changes.onDisk("b.ts");
  changes.inEditor("a.ts", () => "typed just now");
  changes.sendNow();
  expect(sent).toEqual([[{ path: "b.ts" }, { path: "a.ts", text: "typed just now" }]]);
  pass();
  pass();
  changes.sendNow();
  expect(sent).toHaveLength(1);
});

test("a save takes the place of the text that was typed before", () => {
  const { changes, sent, pass } = batch();
  changes.inEditor("a.ts", () => "typed");
  changes.onDisk("a.ts");
  pass();
  pass();
  expect(sent).toEqual([[{ path: "a.ts" }]]);
});

test("a branch switch is told as one look, not as thousands of names", () => {
  const { changes, sent, pass, looks } = batch();
  for (let index = 0; index <= 1000; index++) changes.onDisk(`${index}.ts`);
  pass();
  expect([sent.length, looks()]).toEqual([0, 1]);
});

test("among thousands, what editors hold or held is named: a look at the disk does not find it", () => {
  const { changes, sent, pass, looks } = batch();
  changes.inEditor("saved.ts", () => "typed before");
  changes.holds(["reverted.ts"]);
  changes.sendNow();
  for (let index = 0; index <= 1000; index++) changes.onDisk(`${index}.ts`);
  changes.onDisk("saved.ts");
  changes.onDisk("reverted.ts");
  changes.inEditor("typed.ts", () => "typed now");
  changes.sendNow();
  expect(looks()).toBe(1);
  expect(sent.slice(1)).toEqual([
    [{ path: "saved.ts" }, { path: "reverted.ts" }, { path: "typed.ts", text: "typed now" }],
  ]);
  for (let index = 0; index <= 1000; index++) changes.onDisk(`${index}.ts`);
  changes.onDisk("saved.ts");
  pass();
  expect(sent).toHaveLength(2);
});

test("nothing is sent after the end", () => {
  const { changes, sent, pass } = batch();
  changes.onDisk("a.ts");
  changes.inEditor("b.ts", () => "x");
  changes.dispose();
  pass();
  expect(sent).toEqual([]);
});
