import { existsSync, mkdirSync, statfsSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { DiskBudget } from "../../engine/store/disk-budget.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fileOf, segmentOf } from "./segments.ts";

const KV_BYTES = 100_000;

/** A store of the data folder with one file of `blocks` blocks, of 100 KB each. */
function filledStore(dataDir: string, name: string, blocks: number): Store {
  const store = new Store(join(dataDir, "workspaces", name, "model.sqlite"), (line) => {
    throw new Error(line);
  });
  onTestFinished(() => store.close());
  const texts = Array.from({ length: blocks }, (_, i) => `text ${i}`);
  store.commit([large(name, texts)], [fileOf("f.ts", [name])]);
  return store;
}

function large(key: string, texts: readonly string[]): ReturnType<typeof segmentOf> {
  const segment = segmentOf(key, texts);
  const blocks = segment.blocks.map((block, i) => ({ ...block, kv: Buffer.alloc(KV_BYTES, i) }));
  return { ...segment, blocks };
}

function budget(dataDir: string, bytes: number, log: (line: string) => void = () => undefined): DiskBudget {
  return new DiskBudget(dataDir, bytes, log);
}

/** Texts of the live blocks that still have keys and values. */
function withKv(store: Store): (string | undefined)[] {
  return store.read((blocks) =>
    blocks
      .placed()
      .filter(({ id }) => blocks.kv(id) !== undefined)
      .map(({ id }) => blocks.text(id)),
  );
}

/** What look-ups read. */
function found(store: Store): unknown {
  return store.read((blocks, lexical) => [
    blocks.placed(),
    [...blocks.indexEntries("1")],
    lexical.postings("text"),
    store.generation(),
  ]);
}

test("below the budget nothing goes", async () => {
  const dataDir = temporaryFolder();
  const store = filledStore(dataDir, "a", 5);
  const plenty = budget(dataDir, 1e9);
  expect(plenty.used()).toBeGreaterThan(5 * KV_BYTES);
  await plenty.makeRoom(store);
  expect(withKv(store)).toHaveLength(5);
});

test("keys and values go, those least recently used first; everything is found as before, and the disk is given back", async () => {
  const dataDir = temporaryFolder();
  const store = filledStore(dataDir, "a", 100);
  const ids = store.read((blocks) => blocks.placed().map(({ id }) => id));
  const before = found(store);
  store.noteUse(ids.slice(0, 10), 2_000);
  store.noteUse(ids.slice(10, 20), 1_000);
  const half = budget(dataDir, 60 * KV_BYTES);
  await half.makeRoom(store);
  expect(half.used()).toBeLessThan(60 * KV_BYTES);
  expect(found(store)).toEqual(before);
  const left = withKv(store);
  expect(left.length).toBeGreaterThan(20);
  expect(left.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => `text ${i}`));
  // Of those that nobody asked for, what was read last.
  expect(store.withoutKv(ids)).toEqual(ids.slice(left.length));
  const tenth = budget(dataDir, 16 * KV_BYTES);
  await tenth.makeRoom(store);
  expect(withKv(store).every((text) => left.slice(0, 20).includes(text))).toBe(true);
});

test("a store that was set aside goes before any keys and values do", async () => {
  const dataDir = temporaryFolder();
  const store = filledStore(dataDir, "a", 10);
  const aside = join(dataDir, "workspaces", "b", "model.sqlite.damaged");
  mkdirSync(dirname(aside), { recursive: true });
  writeFileSync(aside, Buffer.alloc(20 * KV_BYTES));
  const tight = budget(dataDir, budget(dataDir, 1e9).used() - KV_BYTES);
  await tight.makeRoom(store);
  expect(existsSync(aside)).toBe(false);
  expect(withKv(store)).toHaveLength(10);
});

test("what no file holds goes before what a file holds, and other stores' before that of the one at work", async () => {
  const dataDir = temporaryFolder();
  const [old, recent, own] = [
    filledStore(dataDir, "old", 40),
    filledStore(dataDir, "recent", 40),
    filledStore(dataDir, "own", 40),
  ];
  own.commit(
    [
      large(
        "spare",
        Array.from({ length: 32 }, (_, i) => `spare ${i}`),
      ),
    ],
    [],
  );
  for (const [store, seconds] of [
    [old, 1_000],
    [recent, 2_000],
    [own, 500],
  ] as const) {
    store.evictKv("spare"); // folds the log back, so that its time does not count
    if (store === own)
      own.commit(
        [
          large(
            "spare2",
            Array.from({ length: 32 }, (_, i) => `again ${i}`),
          ),
        ],
        [],
      );
    utimesSync(store.path, seconds, seconds);
  }
  const limit = budget(dataDir, 1e9).used() - 20 * KV_BYTES;
  await budget(dataDir, limit / 0.95).makeRoom(own);
  expect([old, recent, own].map((store) => withKv(store).length)).toEqual([40, 40, 40]);
  await budget(dataDir, 70 * KV_BYTES).makeRoom(own);
  expect(withKv(old).length).toBe(0);
  expect(withKv(recent).length).toBeLessThan(40);
  expect(withKv(own).length).toBe(40);
});

test("a budget that even the rest exceeds leaves that and says so once; a store that cannot be opened is left alone", async () => {
  const dataDir = temporaryFolder({ "workspaces/broken/model.sqlite/file": "a folder, not a store" });
  const store = filledStore(dataDir, "a", 3);
  const lines: string[] = [];
  const none = budget(dataDir, 1_000, (line) => lines.push(line));
  await none.makeRoom(store);
  await none.makeRoom(store);
  expect(withKv(store)).toEqual([]);
  expect(store.totals().blocks).toBe(3);
  expect(lines).toEqual([expect.stringContaining("its budget is 1000")]);
});

test("a growing store is looked at again when it has grown by a good deal", async () => {
  const dataDir = temporaryFolder();
  const store = filledStore(dataDir, "a", 40);
  const small = budget(dataDir, 20 * KV_BYTES);
  await small.check(store);
  expect(withKv(store).length).toBeLessThan(20);
  store.commit([large("b", ["one"])], [fileOf("g.ts", ["b"])]);
  await small.check(store);
  expect(withKv(store)).toContain("one");
});

test("keys and values that were put back are there again, but not for blocks that are gone", () => {
  const store = filledStore(temporaryFolder(), "a", 2);
  const ids = store.read((blocks) => blocks.placed().map(({ id }) => id));
  expect(store.evictKv("leastUsed")).toBe(2 * KV_BYTES);
  expect(store.evictKv("leastUsed")).toBe(0);
  store.putKv([...ids, 999].map((block) => ({ block, codec: "int8", kv: Buffer.from(`again ${block}`) })));
  expect(store.withoutKv(ids)).toEqual([]);
  const [first = 0] = ids;
  expect(Buffer.from(store.read((blocks) => blocks.kv(first))?.data ?? []).toString()).toBe(`again ${first}`);
  store.putKv([{ block: first, codec: "int8", kv: Buffer.from("another window was slower") }]);
  expect(Buffer.from(store.read((blocks) => blocks.kv(first))?.data ?? []).toString()).toBe(`again ${first}`);
});

test("the default is a fifth of the free disk and at most 10 GB", () => {
  const folder = temporaryFolder();
  const { bavail, bsize } = statfsSync(folder);
  const { bytes } = new DiskBudget(join(folder, "not", "made", "yet"), undefined, () => undefined);
  expect(bytes).toBeLessThanOrEqual(10e9);
  expect(bytes / Math.min(10e9, (bavail * bsize) / 5)).toBeCloseTo(1, 1);
});
