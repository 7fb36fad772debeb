import { expect, test } from "vitest";

import { BlockRestorer } from "../../engine/ingest/restore-blocks.ts";
import type { Store } from "../../engine/store/store.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";
import { ingest, lines, setUp } from "./ingest-setup.ts";
import { storeContents } from "./store-contents.ts";

function liveBlocks(store: Store): number[] {
  return store.read((blocks) => blocks.placed().map(({ id }) => id));
}

function evictAll(store: Store): void {
  while (store.evictKv("leastUsed") > 0);
}

test("keys and values that made room come back bit by bit, of the segments that are asked for and no others", async () => {
  const { store, encoder, ingestor } = setUp({ "a.ts": lines("a", 300), "b/b.ts": lines("b", 200) });
  await ingest(ingestor);
  const before = storeContents(store);
  const blocks = liveBlocks(store);
  evictAll(store);
  expect(store.withoutKv(blocks)).toEqual(blocks);
  const restorer = new BlockRestorer(store, encoder);
  const encoded = await restorer.restore(blocks.slice(-1));
  expect(encoded).toBeGreaterThan(0);
  const [last] = store.read((reader) => reader.segmentsOf(blocks.slice(-1)));
  const without = new Set(store.withoutKv(blocks));
  expect(blocks.filter((id) => !without.has(id))).toEqual(last?.blocks.map(({ id }) => id));
  await restorer.restore(blocks);
  expect(storeContents(store)).toEqual(before);
  expect(await restorer.restore(blocks)).toBe(0);
});

test("a folder whose keys and values made room is not encoded again by ingesting it", async () => {
  const { store, encoder, ingestor } = setUp({ "a.ts": lines("a", 300) });
  await ingest(ingestor);
  evictAll(store);
  const { encodedTokens } = encoder;
  expect((await ingest(ingestor)).encodedTokens).toBe(0);
  expect(encoder.encodedTokens).toBe(encodedTokens);
});

test("text that has other tokens today is dropped, so that its file is read again", async () => {
  const { store, ingestor } = setUp({ "a.ts": lines("a", 20) });
  await ingest(ingestor);
  const before = storeContents(store);
  const blocks = liveBlocks(store);
  evictAll(store);
  const other = new StandInEncoder();
  other.tokenize = (text) => Int32Array.from(text, (character) => character.codePointAt(0) ?? 0);
  expect(await new BlockRestorer(store, other).restore(blocks)).toBe(0);
  expect(liveBlocks(store)).toEqual([]);
  await ingest(ingestor);
  expect(storeContents(store)).toEqual(before);
});

test("blocks that are gone are left out, and a question that was given up restores no more", async () => {
  const { store, encoder, ingestor } = setUp({ "a.ts": lines("a", 20) });
  await ingest(ingestor);
  const blocks = liveBlocks(store);
  evictAll(store);
  const restorer = new BlockRestorer(store, encoder);
  await expect(restorer.restore(blocks, AbortSignal.abort())).rejects.toThrow("abort");
  expect(store.withoutKv(blocks)).toEqual(blocks);
  store.remove(["a.ts"]);
  expect(await restorer.restore([...blocks, 999])).toBe(0);
});
