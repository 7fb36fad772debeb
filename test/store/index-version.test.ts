import { join } from "node:path";

import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";

import { migrate, SCHEMA_VERSION } from "../../engine/store/migrations.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fileOf, segmentOf } from "./segments.ts";

function openStore(path = join(temporaryFolder(), "store.sqlite")): Store {
  const store = new Store(path, (line) => {
    throw new Error(line);
  });
  onTestFinished(() => store.close());
  return store;
}

/** Entries of a version by their blocks' text. */
function entries(store: Store, version: string): string[] {
  return store.read((blocks) =>
    [...blocks.indexEntries(version)].map(([id, data]) => `${blocks.text(id)}: ${Buffer.from(data).toString()}`),
  );
}

function stale(store: Store, version: string, limit = 100): (string | undefined)[] {
  return store.read((blocks) => blocks.staleIndex(version, limit).map((id) => blocks.text(id)));
}

/** What the re-index pass does, with entries that say which version made them. */
function reindex(store: Store, version: string, limit: number): void {
  const segments = store.read((blocks) => blocks.segmentsOf(blocks.staleIndex(version, limit)));
  const made = segments.flatMap(({ blocks }) =>
    blocks.map(({ id, text }) => ({ block: id, data: Buffer.from(`${version} of ${text}`) })),
  );
  store.putIndex(version, made);
}

test("entries of another version are stale and are replaced segment by segment; keys and values stay", () => {
  const store = openStore();
  store.commit(
    [segmentOf("a", ["one", "two"]), segmentOf("b", ["three"]), segmentOf("spare", ["four"])],
    [fileOf("f.ts", ["a", "b"]), fileOf("g.ts", ["a"])],
  );
  expect(stale(store, "1")).toEqual([]);
  expect(stale(store, "2")).toEqual(["one", "two", "three"]);
  expect(entries(store, "2")).toEqual([]);
  const before = store.generation();
  reindex(store, "2", 1);
  expect(stale(store, "2")).toEqual(["three"]);
  expect(entries(store, "1")).toEqual(["three: index of three"]);
  reindex(store, "2", 1);
  expect(entries(store, "2")).toEqual(["one: 2 of one", "two: 2 of two", "three: 2 of three"]);
  expect(store.generation()).toBe(before + 2);
  const kv = store.read((blocks) => blocks.placed().map(({ id }) => Buffer.from(blocks.kv(id)?.data ?? []).toString()));
  expect(new Set(kv)).toEqual(new Set(["kv of one", "kv of two", "kv of three"]));
});

test("an entry for a block that is gone meanwhile is left out; nothing to write is no change", () => {
  const store = openStore();
  store.commit([segmentOf("a", ["one"])], [fileOf("f.ts", ["a"])]);
  const before = store.generation();
  store.putIndex("2", []);
  expect(store.generation()).toBe(before);
  store.putIndex("2", [{ block: 999, data: Buffer.from("x") }]);
  expect(entries(store, "2")).toEqual([]);
});

test("a segment as it is stored names its file, its header and all its blocks", () => {
  const store = openStore();
  store.commit([segmentOf("a", ["one", "two"], "path"), segmentOf("spare", ["three"])], [fileOf("f.ts", ["a"])]);
  const [first, second] = store.read((blocks) => blocks.placed());
  const ids = [first?.id ?? 0, second?.id ?? 0];
  expect(store.read((blocks) => blocks.segmentsOf([...ids, 3, 999]))).toEqual([
    {
      key: "a",
      headerKey: "path",
      path: "f.ts",
      blocks: [
        { id: ids[0], text: "one" },
        { id: ids[1], text: "two" },
      ],
    },
  ]);
});

/** A store as an older version left it, with one file of one block. */
function oldStore(version: number): string {
  const path = join(temporaryFolder(), "store.sqlite");
  const old = new Database(path);
  migrate(old, version);
  old.exec(`
    INSERT INTO headers VALUES (1, 'header', 2, 'int8', x'01');
    INSERT INTO segments VALUES (1, 'a', 1);
    INSERT INTO blocks VALUES (1, 1, 0, 3, 0, 0, 'one');
    INSERT INTO block_kv VALUES (1, 'int8', x'0203');
    INSERT INTO block_index (block, data${version > 2 ? ", version" : ""}) VALUES (1, x'0405'${version > 2 ? ", ''" : ""});
    INSERT INTO files VALUES (1, 'f.ts', 'hash', 3, '5');
    INSERT INTO file_segments VALUES (1, 0, 1, 1);
    INSERT INTO lexical (rowid, words) VALUES (1, 'one');
    INSERT INTO lexical_length VALUES (1, 1);`);
  if (version > 1) old.exec("INSERT INTO symbols VALUES (1, 'One', 'one', 'one', 'class', 0)");
  old.close();
  return path;
}

test.each(Array.from({ length: SCHEMA_VERSION - 1 }, (_, i) => i + 1))(
  "a filled store of version %i keeps its keys, values, words and index",
  (version) => {
    const store = openStore(oldStore(version));
    expect(store.totals()).toEqual({ files: 1, segments: 1, blocks: 1, tokens: 3 });
    store.read((blocks, lexical, symbols) => {
      expect(blocks.kv(1)).toEqual({ codec: "int8", data: Buffer.from([2, 3]) });
      expect(blocks.headerKv(1)).toEqual({ codec: "int8", data: Buffer.from([1]) });
      expect([...blocks.indexEntries("")]).toEqual([[1, Buffer.from([4, 5])]]);
      expect(blocks.staleIndex("1", 10)).toEqual([1]);
      expect(lexical.postings("one")).toEqual([{ block: 1, count: 1 }]);
      expect(symbols.named("One")).toHaveLength(version > 1 ? 1 : 0);
    });
    store.putIndex("1", [{ block: 1, data: Buffer.from("new") }]);
    expect(entries(store, "1")).toEqual(["one: new"]);
    store.remove(["f.ts"]);
    expect(store.pruneUnused()).toBe(1);
  },
);
