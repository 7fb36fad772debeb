import { expect, onTestFinished, test } from "vitest";
import { InfiniStrategy } from "../../engine/answer/infini.ts";
import type { AnswerEvent } from "../../engine/protocol/requests.ts";
import { largestDifference } from "../support/all-logits.ts";
import { openInfiniGolden } from "../support/infini-golden.ts";
import { ingestedFolder, sourceLines } from "../support/ingested-folder.ts";

const SIGNAL = new AbortController().signal;

/** A folder that is ingested and asked by the strategy, on the tiny backbone. */
async function open(files: Record<string, string>) {
  const { model, stored } = await openInfiniGolden(2048);
  const { options, ...folder } = await ingestedFolder(model, files, "f16");
  const begin = () => {
    const strategy = new InfiniStrategy(options, () => Promise.resolve(stored));
    onTestFinished(() => strategy.close());
    return strategy;
  };
  const strategy = begin();
  return { ...folder, begin, strategy, sums: async () => (await strategy.memory(SIGNAL)).sums };
}

const alpha = sourceLines(40, "alpha");
const beta = sourceLines(90, "beta");

test("a file that was taken out, or edited, leaves the memory of a folder that never said so", async () => {
  const kept = await (await open({ "a.js": alpha })).sums();
  const edited = await (await open({ "a.js": alpha, "b.js": sourceLines(20, "gamma") })).sums();
  const folder = await open({ "a.js": alpha, "b.js": beta });
  const both = Float64Array.from(await folder.sums());
  const size = Math.max(...both.map(Math.abs));
  expect(largestDifference(both, kept) / size).toBeGreaterThan(0.1);
  await folder.write("b.js", sourceLines(20, "gamma"));
  expect(largestDifference(await folder.sums(), edited) / size).toBeLessThan(1e-4);
  await folder.remove("b.js");
  expect(largestDifference(await folder.sums(), kept) / size).toBeLessThan(1e-4);
});

test("what was pruned from the store meanwhile is taken out as well", async () => {
  const kept = await (await open({ "a.js": alpha })).sums();
  const folder = await open({ "a.js": alpha, "b.js": beta });
  await folder.sums();
  folder.store.forget(["b.js"]);
  expect(largestDifference(await folder.sums(), kept)).toBeLessThan(1e-4);
});

test("the memory has one size, and another process goes on from what is stored", async () => {
  const folder = await open({ "a.js": alpha });
  const small = await folder.sums();
  await folder.write("b.js", sourceLines(900, "delta"));
  const large = Float64Array.from(await folder.sums());
  expect(large).toHaveLength(small.length);
  const again = await folder.begin().memory(SIGNAL);
  expect(largestDifference(again.sums, large)).toBe(0);
});

test("text that a file says several times is in memory as often", async () => {
  const once = await (await open({ "a.js": alpha })).sums();
  const folder = await open({ "a.js": alpha + alpha + alpha });
  const size = (sums: Float64Array) => Math.max(...sums.map(Math.abs));
  expect(size(await folder.sums())).toBeGreaterThan(2 * size(once));
});

test("an answer is streamed, says how much was read, and claims no sources", async () => {
  const { strategy, store } = await open({ "a.js": alpha, "b.js": beta });
  const events: AnswerEvent[] = [];
  const params = { folder: "", question: "What is beta?", maxTokens: 6 };
  for await (const event of strategy.ask(params, performance.now(), SIGNAL)) events.push(event);
  expect(events[0]).toMatchObject({ type: "lookup", blocks: [], memoryTokens: store.totals().tokens });
  const end = events.at(-1);
  if (end?.type !== "end") throw new Error("The last event is no end");
  expect(end.result).toMatchObject({ citations: [], sentences: [], lines: [], found: true });
  expect(end.result.tokens.generated).toBeGreaterThan(0);
});
