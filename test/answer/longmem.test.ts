import { expect, onTestFinished, test } from "vitest";
import { LongMemStrategy } from "../../engine/answer/longmem.ts";
import type { AnswerEvent } from "../../engine/protocol/requests.ts";
import { floats } from "../../engine/runtime/session.ts";
import { openLongMemGolden } from "../support/longmem-golden.ts";
import { ingestedFolder, sourceLines } from "../support/ingested-folder.ts";

const SIGNAL = new AbortController().signal;

/** A folder that is ingested and asked by the strategy, on the tiny backbone. */
async function open(files: Record<string, string>) {
  const { model, stored } = await openLongMemGolden(2048);
  const { options, ...folder } = await ingestedFolder(model, files);
  const strategy = new LongMemStrategy(options, () => Promise.resolve(stored));
  onTestFinished(() => strategy.close());
  return {
    ...folder,
    strategy,
    /** All that the side network is given of the folder. */
    bank: async () => {
      const { feeds } = await strategy.bank(SIGNAL);
      return ["bank_keys", "bank_values", "bank_bias", "chunk_keys", "bank_tokens"].map((name) => [
        ...floats(feeds, name),
      ]);
    },
  };
}

const [alpha, beta, gamma] = [sourceLines(40, "alpha"), sourceLines(90, "beta"), sourceLines(20, "gamma")];

test("a file that was edited, or taken out, leaves the bank of a folder that never said so", async () => {
  const kept = await (await open({ "a.js": alpha })).bank();
  const edited = await (await open({ "a.js": alpha, "b.js": gamma })).bank();
  const folder = await open({ "a.js": alpha, "b.js": beta });
  expect(await folder.bank()).not.toEqual(edited);
  await folder.write("b.js", gamma);
  expect(await folder.bank()).toEqual(edited);
  await folder.remove("b.js");
  expect(await folder.bank()).toEqual(kept);
});

test("an empty folder has a bank that is closed", async () => {
  const bank = await (await open({})).bank();
  expect(bank.at(-1)).toEqual([0]);
});

test("blocks whose keys and values were evicted stay in the bank, and get into it when they were not", async () => {
  const folder = await open({ "a.js": alpha, "b.js": beta });
  const full = await folder.bank();
  while (folder.store.evictKv("leastUsed") > 0);
  expect(folder.store.bank.missing(2, 10)).toEqual([]);
  await folder.write("c.js", gamma);
  while (folder.store.evictKv("leastUsed") > 0);
  expect(folder.store.bank.missing(2, 10)).not.toEqual([]);
  const more = await folder.bank();
  expect(more[0]?.length).toBeGreaterThan(full[0]?.length ?? 0);
  expect(more).toEqual(await (await open({ "a.js": alpha, "b.js": beta, "c.js": gamma })).bank());
});

test("the bank takes one layer's share of the disk", async () => {
  const { store, bank } = await open({ "a.js": alpha, "b.js": beta });
  await bank();
  const layers = 6;
  for (const { id } of store.read((reader) => reader.placed())) {
    const whole = store.read((reader) => reader.kv(id))?.data.byteLength ?? 0;
    const [own] = store.bank.read(2, [id]);
    expect(own?.byteLength).toBe((whole - 32) / layers + 32);
  }
});

test("an answer is streamed and names the blocks that were attended to", async () => {
  const { strategy, store } = await open({ "a.js": alpha, "b.js": beta });
  const events: AnswerEvent[] = [];
  const params = { folder: "", question: "What is beta?", maxTokens: 6 };
  for await (const event of strategy.ask(params, performance.now(), SIGNAL)) events.push(event);
  expect(events[0]).toMatchObject({ type: "lookup", memoryTokens: store.totals().tokens });
  const end = events.at(-1);
  if (end?.type !== "end") throw new Error("The last event is no end");
  expect(end.result.tokens.generated).toBeGreaterThan(0);
  expect(end.result.citations.length).toBeGreaterThan(0);
  expect(["a.js", "b.js"]).toEqual(expect.arrayContaining(end.result.citations.map(({ path }) => path)));
});
