import { expect, test } from "vitest";
import { IndexRenewal } from "../../engine/ingest/index-renewal.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import type { Store } from "../../engine/store/store.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";
import { ingest, setUp } from "./ingest-setup.ts";

function lines(word: string, count: number): string {
  return Array.from({ length: count }, (_, i) => `${word}_${i} = ${i};\n`).join("");
}

const FILES = { "a.ts": lines("alpha", 300), "b.ts": lines("beta", 120), "c.md": "Only this.\n" };

/** Everything of the blocks but their index entries. */
function kept(store: Store): unknown {
  return store.read((blocks) => blocks.placed().map((block) => ({ block, kv: blocks.kv(block.id) })));
}

function entries(store: Store, version: string): [number, string][] {
  return store.read((blocks) =>
    [...blocks.indexEntries(version)].map(([id, data]) => [id, Buffer.from(data).toString("hex")] as [number, string]),
  );
}

test("entries of another version are made again a few at a time, keys and values stay as they are", async () => {
  const { store, ingestor } = setUp(FILES);
  await ingest(ingestor);
  const before = { kept: kept(store), entries: entries(store, "stand-in") };
  const encoder = new StandInEncoder({ indexVersion: "next" });
  const renewal = new IndexRenewal(store, encoder);
  const renewed = await renewal.step();
  expect(renewed).toBeGreaterThan(0);
  expect(entries(store, "next").length).toBeLessThan(before.entries.length);
  let tokens = renewed;
  for (let step = await renewal.step(); step > 0; step = await renewal.step()) tokens += step;
  expect(tokens).toBe(store.totals().tokens);
  // The stand-in's entries say what the tokens were: the same text was run through it again.
  expect(entries(store, "next")).toEqual(before.entries);
  expect(entries(store, "stand-in")).toEqual([]);
  expect(kept(store)).toEqual(before.kept);
});

test("nothing is run where all entries are of this version", async () => {
  const { store, ingestor, encoder } = setUp(FILES);
  await ingest(ingestor);
  const encoded = encoder.encodedTokens;
  expect(await new IndexRenewal(store, encoder).step()).toBe(0);
  expect(encoder.encodedTokens).toBe(encoded);
});

test("text that another version of the cutting left behind gets an empty entry and is not tried again", async () => {
  const { store, ingestor } = setUp(FILES);
  await ingest(ingestor);
  const other = new (class extends StandInEncoder {
    override header(path: string): Int32Array {
      return this.tokenize(`Another header of ${path}\n`);
    }
  })({ indexVersion: "next" });
  const renewal = new IndexRenewal(store, other);
  while ((await renewal.step()) > 0);
  expect(other.encodedTokens).toBe(0);
  expect(entries(store, "next").every(([, data]) => data === "")).toBe(true);
  expect(entries(store, "next")).toHaveLength(store.totals().blocks);
});

test("an ingestor renews entries when it has nothing left to read, and encodes nothing anew", async () => {
  const { store, ingestor, folder } = setUp(FILES);
  await ingest(ingestor);
  const before = kept(store);
  const encoder = new StandInEncoder({ indexVersion: "next" });
  const next = new Ingestor({ folder, store, encoder });
  const { encodedTokens } = await ingest(next);
  await next.close();
  expect(encodedTokens).toBe(0);
  expect(entries(store, "next")).toHaveLength(store.totals().blocks);
  expect(kept(store)).toEqual(before);
});
