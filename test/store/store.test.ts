import { join } from "node:path";

import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";

import type { FileCommit } from "../../engine/store/store.ts";
import { Store } from "../../engine/store/store.ts";
import type { NewSymbol } from "../../engine/store/symbol-table.ts";
import { temporaryFolder } from "../support/folder.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { fileOf, segmentOf } from "./segments.ts";

function openStore(path = join(temporaryFolder(), "store.sqlite")): Store {
  const store = new Store(path, (line) => {
    throw new Error(line);
  });
  onTestFinished(() => store.close());
  return store;
}

/** What anyone can find: each place with its text, and each word with the texts that have it. */
function visible(store: Store): { places: string[]; words: string[]; index: string[] } {
  return store.read((blocks, lexical) => {
    const text = (id: number): string => blocks.text(id) ?? "gone";
    const places = blocks.placed().map((b) => `${b.path}:${b.startLine}-${b.endLine} ${text(b.id)}`);
    const words = ["one", "two", "three", "four"].flatMap((word) =>
      lexical.postings(word).map(({ block, count }) => `${word} x${count} in ${text(block)}`),
    );
    const index = [...blocks.indexEntries("1")].map(([id, data]) => `${text(id)}: ${Buffer.from(data).toString()}`);
    return { places, words, index };
  });
}

test("a file's blocks are found by place, by word and in the index; their data by id", () => {
  const store = openStore();
  expect(
    store.commit([segmentOf("a", ["one two", "two two"]), segmentOf("b", ["three"])], [fileOf("f.ts", ["a", "b"])]),
  ).toEqual([]);
  expect(visible(store)).toEqual({
    places: ["f.ts:1-1 one two", "f.ts:2-2 two two", "f.ts:11-11 three"],
    words: ["one x1 in one two", "two x1 in one two", "two x2 in two two", "three x1 in three"],
    index: ["one two: index of one two", "two two: index of two two", "three: index of three"],
  });
  store.read((blocks) => {
    const [first] = blocks.placed();
    expect(Buffer.from(blocks.kv(first?.id ?? 0)?.data ?? []).toString()).toBe("kv of one two");
    expect(Buffer.from(blocks.headerKv(first?.header ?? 0)?.data ?? []).toString()).toBe("kv of header");
    expect(blocks.locate([first?.id ?? 0, 999])).toEqual([first]);
  });
  expect(store.file("f.ts")?.mtimeNs).toBe(1_700_000_000_123_456_789n);
  expect(store.bytes()).toBeGreaterThan(0);
});

test("segments without a file are cache: kept, never found, used again, pruned", () => {
  const store = openStore();
  store.commit([segmentOf("a", ["one"])], []);
  expect(visible(store)).toEqual({ places: [], words: [], index: [] });
  expect(store.hasSegment("a")).toBe(true);
  store.commit([], [fileOf("f.ts", ["a"])]);
  store.remove(["f.ts"]);
  expect(visible(store)).toEqual({ places: [], words: [], index: [] });
  expect(store.commit([], [fileOf("renamed.ts", ["a"])])).toEqual([]);
  expect(visible(store).places).toEqual(["renamed.ts:1-1 one"]);
  expect(store.pruneUnused()).toBe(0);
  store.remove(["renamed.ts"]);
  expect(store.pruneUnused()).toBe(1);
  expect(store.hasSegment("a")).toBe(false);
});

test("a file that lacks a segment is left as it was, and told", () => {
  const store = openStore();
  store.commit([segmentOf("a", ["one"])], [fileOf("f.ts", ["a"])]);
  expect(store.commit([segmentOf("b", ["two"])], [fileOf("f.ts", ["b", "gone"]), fileOf("g.ts", ["b"])])).toEqual([
    "f.ts",
  ]);
  expect(visible(store).places).toEqual(["f.ts:1-1 one", "g.ts:1-1 two"]);
});

test("text that stands twice is stored once and stays until its last place is gone", () => {
  const store = openStore();
  store.commit([segmentOf("a", ["one"])], [fileOf("f.ts", ["a", "a"]), fileOf("g.ts", ["a"])]);
  expect(visible(store)).toMatchObject({
    places: ["f.ts:1-1 one", "f.ts:11-11 one", "g.ts:1-1 one"],
    words: ["one x1 in one"],
  });
  store.remove(["f.ts"]);
  expect(visible(store)).toMatchObject({ places: ["g.ts:1-1 one"], words: ["one x1 in one"] });
  store.remove(["g.ts"]);
  expect(visible(store)).toEqual({ places: [], words: [], index: [] });
});

test("earlier versions of a forgotten file are gone too", () => {
  const store = openStore();
  store.commit([segmentOf("a", ["one"], "path")], [fileOf("f.ts", ["a"])]);
  store.commit([segmentOf("b", ["two"], "path")], [fileOf("f.ts", ["b"])]);
  store.forget(["f.ts"]);
  expect([store.hasSegment("a"), store.hasSegment("b")]).toEqual([false, false]);
});

test("what is forgotten is gone from the file, shared segments stay", () => {
  const store = openStore();
  store.commit(
    [segmentOf("a", ["one secretword"], "path"), segmentOf("b", ["two"])],
    [fileOf("f.ts", ["a", "b"]), fileOf("g.ts", ["b"])],
  );
  expect(store.forget(["f.ts", "unknown.ts"])).toEqual({ files: 1, blocks: 2 });
  expect(store.hasSegment("a")).toBe(false);
  expect(visible(store).places).toEqual(["g.ts:1-1 two"]);
  const raw = new Database(store.path, { readonly: true });
  onTestFinished(() => void raw.close());
  expect(raw.prepare("SELECT count(*) FROM headers").pluck().get()).toBe(1);
  expect(raw.serialize().includes("secretword")).toBe(false);
});

/** Every name that anyone can find, with the text of the block that defines it. */
function defined(store: Store, names: readonly string[]): string[] {
  return store.read((blocks, _, symbols) =>
    names
      .flatMap((name) => symbols.named(name))
      .map(({ block, name, kind }) => `${kind} ${name}: ${blocks.text(block)}`),
  );
}

test("symbols belong to the block that holds their line, and follow the versions of their file", () => {
  const store = openStore();
  const symbol = (name: string, line: number): NewSymbol => ({ name, words: name.toLowerCase(), kind: "class", line });
  const version = (hash: string, symbols: readonly NewSymbol[]): FileCommit => {
    const { file, words } = fileOf("f.ts", [hash]);
    return { file, words, segments: [{ key: "a", startLine: 1, symbols }] };
  };
  store.commit([segmentOf("a", ["one", "two"])], [version("1", [symbol("First", 0), symbol("Second", 1)])]);
  expect(defined(store, ["First", "second", "third"])).toEqual(["class First: one", "class Second: two"]);
  expect(store.read((_, __, symbols) => symbols.madeOf("second"))).toHaveLength(1);
  store.commit([], [version("2", [symbol("Second", 0), symbol("Beyond", 9)])]);
  expect(defined(store, ["First", "Second", "Beyond"])).toEqual(["class Second: one"]);
  store.remove(["f.ts"]);
  expect(defined(store, ["Second"])).toEqual([]);
  store.commit([], [version("3", [symbol("Secretname", 0)])]);
  store.forget(["f.ts"]);
  const raw = new Database(store.path, { readonly: true });
  onTestFinished(() => void raw.close());
  expect(raw.serialize().toString("latin1").toLowerCase()).not.toContain("secretname");
});

test("of text that stands twice in a file, the first place tells what it defines", () => {
  const store = openStore();
  const { file, words } = fileOf("f.ts", ["a", "a"]);
  const place = (startLine: number, names: readonly string[]): FileCommit["segments"][number] => ({
    key: "a",
    startLine,
    symbols: names.map((name) => ({ name, words: name, kind: "class", line: 0 })),
  });
  store.commit([segmentOf("a", ["one"])], [{ file, words, segments: [place(1, ["here"]), place(11, ["there"])] }]);
  expect(defined(store, ["here", "there"])).toEqual(["class here: one"]);
});

test("a damaged block's segment is dropped and its files are stale", () => {
  const store = openStore();
  store.commit(
    [segmentOf("a", ["one", "two"]), segmentOf("b", ["three"], "other")],
    [fileOf("f.ts", ["a", "b"]), fileOf("g.ts", ["b"])],
  );
  const [first] = store.read((blocks) => blocks.placed());
  store.dropSegmentOf(first?.id ?? 0);
  expect(visible(store).places).toEqual(["f.ts:11-11 three", "g.ts:1-1 three"]);
  expect(store.file("f.ts")).toMatchObject({ contentHash: "", mtimeNs: -1n });
  expect(store.file("g.ts")?.contentHash).toBe("b");
  const last = store.read((blocks) => blocks.placed()).at(-1);
  store.dropHeader(last?.header ?? 0);
  expect(visible(store)).toEqual({ places: [], words: [], index: [] });
  expect(store.file("g.ts")?.contentHash).toBe("");
});

test("other rules for cutting make every file stale, once", () => {
  const store = openStore();
  store.useLayout("first");
  store.commit([segmentOf("a", ["one"])], [fileOf("f.ts", ["a"])]);
  store.useLayout("first");
  expect(store.file("f.ts")?.contentHash).toBe("a");
  store.useLayout("second");
  expect(store.file("f.ts")?.contentHash).toBe("");
});

test("two processes' stores see each other's commits and generations; equal segments are added once", () => {
  const [one, two] = (() => {
    const first = openStore();
    return [first, openStore(first.path)];
  })();
  const before = two.generation();
  one.commit([segmentOf("a", ["one"])], [fileOf("f.ts", ["a"])]);
  expect(two.generation()).toBe(before + 1);
  expect(two.commit([segmentOf("a", ["one"])], [fileOf("g.ts", ["a"])])).toEqual([]);
  expect(visible(one).places).toEqual(["f.ts:1-1 one", "g.ts:1-1 one"]);
  one.commit([segmentOf("c", ["cache"])], []);
  expect(two.generation()).toBe(before + 2);
});

test("only files that are a path or lie under it are under it", () => {
  const store = openStore();
  const paths = ["a", "a.ts", "a/b", "a/c/d", "a0", "aa/b", "b/a/c"];
  store.commit(
    [],
    paths.map((path) => fileOf(path, [])),
  );
  expect(store.filesUnder("a")).toEqual(["a", "a/b", "a/c/d"]);
  expect(store.filesUnder("a/c")).toEqual(["a/c/d"]);
  expect(store.filesUnder("%")).toEqual([]);
});

/** The same operations on a plain map: what must be visible, from scratch. */
class Oracle {
  readonly files = new Map<string, string[]>();
  readonly texts = new Map<string, string[]>();

  visible(): { places: string[]; words: Set<string> } {
    const places: string[] = [];
    const words = new Set<string>();
    for (const path of [...this.files.keys()].toSorted()) {
      for (const [i, key] of (this.files.get(path) ?? []).entries()) {
        for (const [line, text] of (this.texts.get(key) ?? []).entries()) {
          places.push(`${path}:${1 + i * 10 + line}-${1 + i * 10 + line} ${text}`);
          for (const word of text.split(" ")) words.add(`${word} x1 in ${text}`);
        }
      }
    }
    return { places, words };
  }
}

test.each([1, 2, 3, 4])(
  "random commits, removals, prunings and reopenings leave what a plain map has (seed %i)",
  (seed) => {
    const random = seededRandom(seed);
    const names = ["one", "two", "three", "four"];
    let store = openStore();
    const oracle = new Oracle();
    for (let step = 0; step < 150; step++) {
      const keys = Array.from({ length: randomInteger(random, 4) }, () => `k${randomInteger(random, 12)}`);
      const path = `f${randomInteger(random, 6)}.ts`;
      const operation = randomInteger(random, 10);
      if (operation < 6) {
        for (const key of keys) oracle.texts.set(key, [names[Number(key.slice(1)) % 4] ?? "", `${key} one`]);
        const segments = [...new Set(keys)].map((key) => segmentOf(key, oracle.texts.get(key) ?? []));
        const file: FileCommit = fileOf(path, keys);
        expect(store.commit(segments, [file])).toEqual([]);
        oracle.files.set(path, keys);
      } else if (operation < 8) {
        store.remove([path]);
        oracle.files.delete(path);
      } else if (operation === 8) store.pruneUnused();
      else store = openStore(store.path);
      const { places, words } = visible(store);
      const expected = oracle.visible();
      expect(places).toEqual(expected.places);
      expect(new Set(words)).toEqual(
        new Set([...expected.words].filter((entry) => names.includes(entry.split(" ")[0] ?? ""))),
      );
    }
  },
);
