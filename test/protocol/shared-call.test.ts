import { expect, test } from "vitest";

import { SharedCall } from "../../engine/protocol/shared-call.ts";
import type { CallContext, Progress } from "../../engine/protocol/requests.ts";

const half: Progress = { phase: "download", done: 1, total: 2, unit: "bytes", rate: 0, secondsLeft: undefined };

/** A call whose work the test ends, and what it was given. */
function begun(): { call: SharedCall<string>; work: PromiseWithResolvers<string>; given: CallContext } {
  const work = Promise.withResolvers<string>();
  let given: CallContext | undefined;
  const call = new SharedCall<string>((context) => {
    given = context;
    context.signal.addEventListener("abort", () => work.reject(context.signal.reason));
    return work.promise;
  });
  if (given === undefined) throw new Error("the work did not begin");
  return { call, work, given };
}

function caller(): { context: CallContext; abort: () => void; heard: Progress[] } {
  const controller = new AbortController();
  const heard: Progress[] = [];
  const context = { signal: controller.signal, onProgress: (progress: Progress) => void heard.push(progress) };
  return { context, abort: () => controller.abort(), heard };
}

test("everyone who waits hears of the progress, also who came late, and gets the result", async () => {
  const { call, work, given } = begun();
  const [early, late] = [caller(), caller()];
  const first = call.join(early.context);
  given.onProgress(half);
  const second = call.join(late.context);
  given.onProgress({ ...half, done: 2 });
  work.resolve("done");
  expect(await Promise.all([first, second])).toEqual(["done", "done"]);
  expect([early.heard.length, late.heard.length]).toEqual([2, 2]);
  const afterwards = caller();
  expect(await call.join(afterwards.context)).toBe("done");
  expect(afterwards.heard).toEqual([]);
});

test("one who gives up leaves the work to the others; the last one ends it", async () => {
  const { call, given } = begun();
  const [one, other] = [caller(), caller()];
  const first = call.join(one.context);
  const second = call.join(other.context);
  one.abort();
  await expect(first).rejects.toMatchObject({ name: "AbortError" });
  given.onProgress(half);
  expect([one.heard.length, other.heard.length]).toEqual([0, 1]);
  expect([given.signal.aborted, call.isUsable]).toEqual([false, true]);
  other.abort();
  await expect(second).rejects.toMatchObject({ name: "AbortError" });
  expect([given.signal.aborted, call.isUsable]).toEqual([true, false]);
});

test("a failure is everyone's, and the call is of no more use", async () => {
  const { call, work } = begun();
  const first = call.join(caller().context);
  const second = call.join(caller().context);
  work.reject(new Error("no network"));
  await expect(first).rejects.toThrow("no network");
  await expect(second).rejects.toThrow("no network");
  expect(call.isUsable).toBe(false);
});

test("cancelling waits for the end, and gives a result that is there all the same", async () => {
  const working = begun();
  expect(await working.call.cancel()).toBeUndefined();
  const ended = begun();
  ended.work.resolve("done");
  await ended.call.join(caller().context);
  expect(await ended.call.cancel()).toBe("done");
});
