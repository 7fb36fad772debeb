import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { WindowFiller } from "../../engine/answer/fill-window.ts";
import { DEFAULT_CODEC } from "../../engine/blocks/block-codec.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import { BlockRestorer } from "../../engine/ingest/restore-blocks.ts";
import { Store } from "../../engine/store/store.ts";
import { storeContents } from "../ingest/store-contents.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createEncoder } from "../support/real-encoder.ts";
import { asked, openTinyWorkspace } from "../support/tiny-workspace.ts";

function lines(count: number, word: string): string {
  return Array.from({ length: count }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
}

function evictAll(store: Store): void {
  while (store.evictKv("leastUsed") > 0);
}

test("chosen blocks whose keys and values made room stand in the window as before", async () => {
  const words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];
  const files = Object.fromEntries(words.map((word) => [`${word}.js`, lines(40, word)]));
  const { model, encoder, store, lookUp, filler } = await openTinyWorkspace(files, DEFAULT_CODEC);
  const { signal } = new AbortController();
  const before = await filler.fill(asked("What is gamma?"), {}, signal);
  const ids = before.slots.map(({ block }) => block.id);
  evictAll(store);
  expect(store.withoutKv(ids)).toEqual(ids);
  // Another filler: the first one has the blocks in memory still.
  const other = new WindowFiller(store, model, encoder, lookUp, () => undefined);
  const after = await other.fill(asked("What is gamma?"), {}, signal);
  expect(after.slots).toEqual(before.slots);
  const numbers = ({ window }: typeof before): unknown =>
    Object.entries(window.feeds()).map(([name, { data }]) => [name, data]);
  expect(numbers(after)).toEqual(numbers(before));
  expect(store.withoutKv(ids)).toEqual([]);
});

test("the real model gives bit by bit the same keys and values again", async () => {
  const encoder = await createEncoder();
  const folder = temporaryFolder({ "a.js": lines(90, "alpha"), "b/b.js": lines(30, "beta") });
  const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
  onTestFinished(() => store.close());
  const ingestor = new Ingestor({ folder, store, encoder });
  await ingestor.ingest({ signal: new AbortController().signal, onProgress: () => undefined });
  await ingestor.close();
  const before = storeContents(store, encoder.indexVersion);
  const ids = store.read((blocks) => blocks.placed().map(({ id }) => id));
  expect(ids.length).toBeGreaterThan(8);
  evictAll(store);
  await new BlockRestorer(store, encoder).restore(ids);
  expect(storeContents(store, encoder.indexVersion)).toEqual(before);
}, 600_000);
