import { writeFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { InfiniStrategy } from "../../engine/answer/infini.ts";
import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import type { AnswerEvent } from "../../engine/protocol/requests.ts";
import { Store } from "../../engine/store/store.ts";
import { largestDifference } from "../support/all-logits.ts";
import { temporaryFolder } from "../support/folder.ts";
import { openInfiniGolden } from "../support/infini-golden.ts";

const SIGNAL = new AbortController().signal;

function lines(count: number, word: string): string {
  return Array.from({ length: count }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
}

/** A folder that is ingested and asked by the strategy, on the tiny backbone. */
async function open(files: Record<string, string>) {
  const { model, stored } = await openInfiniGolden(2048);
  const prompt = new PromptWriter(model.tokenizer, model.tokenizerFiles);
  const encoder = await BlockEncoder.create(model, prompt);
  const folder = temporaryFolder(files);
  const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
  const options = { store, model, encoder, prompt, threads: 1, log: () => undefined };
  const begin = () => {
    const strategy = new InfiniStrategy(options, () => Promise.resolve(stored));
    onTestFinished(() => strategy.close());
    return strategy;
  };
  const ingest = async () => {
    const ingestor = new Ingestor({ folder, store, encoder, codec: "f16" });
    await ingestor.ingest({ signal: SIGNAL, onProgress: () => undefined });
    await ingestor.close();
  };
  await ingest();
  onTestFinished(() => store.close());
  const strategy = begin();
  return {
    store,
    begin,
    strategy,
    sums: async () => (await strategy.memory(SIGNAL)).sums,
    write: async (path: string, text: string) => {
      writeFileSync(join(folder, path), text);
      await ingest();
    },
    remove: async (path: string) => {
      rmSync(join(folder, path));
      await ingest();
    },
  };
}

const alpha = lines(40, "alpha");
const beta = lines(90, "beta");

test("a file that was taken out, or edited, leaves the memory of a folder that never said so", async () => {
  const kept = await (await open({ "a.js": alpha })).sums();
  const edited = await (await open({ "a.js": alpha, "b.js": lines(20, "gamma") })).sums();
  const folder = await open({ "a.js": alpha, "b.js": beta });
  const both = Float64Array.from(await folder.sums());
  const size = Math.max(...both.map(Math.abs));
  expect(largestDifference(both, kept) / size).toBeGreaterThan(0.1);
  await folder.write("b.js", lines(20, "gamma"));
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
  await folder.write("b.js", lines(900, "delta"));
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
