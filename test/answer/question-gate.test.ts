import { expect, test } from "vitest";
import { orAborted } from "../../engine/protocol/or-aborted.ts";
import { QuestionGate } from "../../engine/answer/question-gate.ts";

/** Whether background work may go on, after all that is due has run. */
async function isOpen(gate: QuestionGate): Promise<boolean> {
  let open = false;
  void gate.none().then(() => (open = true));
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  return open;
}

test("background work waits until the last of several questions is answered", async () => {
  const gate = new QuestionGate();
  expect(await isOpen(gate)).toBe(true);
  const [first, second] = [gate.enter(), gate.enter()];
  expect(await isOpen(gate)).toBe(false);
  first();
  expect(await isOpen(gate)).toBe(false);
  const waiting = gate.none();
  second();
  await waiting;
  expect(await isOpen(gate)).toBe(true);
  gate.enter();
  expect(await isOpen(gate)).toBe(false);
});

test("who waits for shared work stops waiting at an abort; the work goes on for the others", async () => {
  const work = Promise.withResolvers<string>();
  const abort = new AbortController();
  const [patient, impatient] = [
    orAborted(work.promise, new AbortController().signal),
    orAborted(work.promise, abort.signal),
  ];
  abort.abort();
  await expect(impatient).rejects.toMatchObject({ name: "AbortError" });
  work.resolve("done");
  expect(await patient).toBe("done");
  await expect(orAborted(work.promise, abort.signal)).rejects.toMatchObject({ name: "AbortError" });
});

test("an error of shared work is everyone's", async () => {
  const failing = Promise.reject(new RangeError("too far"));
  await expect(orAborted(failing, new AbortController().signal)).rejects.toThrow("too far");
});
