import { renameSync, rmSync, statSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";

import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";

import { Ingestor } from "../../engine/ingest/ingestor.ts";
import type { IngestorOptions } from "../../engine/ingest/ingestor.ts";
import type { IngestResult, Progress } from "../../engine/protocol/requests.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder, writeFile } from "../support/folder.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";
import type { StandInOptions } from "../support/stand-in-encoder.ts";
import { storeContents } from "./store-contents.ts";

interface Setup {
  folder: string;
  store: Store;
  encoder: StandInEncoder;
  ingestor: Ingestor;
  log: string[];
}

function setUp(
  files: Record<string, string | Uint8Array>,
  options: StandInOptions & Partial<IngestorOptions> = {},
): Setup {
  const folder = temporaryFolder(files);
  for (const path of Object.keys(files)) age(folder, path);
  const log: string[] = [];
  const store = new Store(join(temporaryFolder(), "store.sqlite"), (line) => log.push(line));
  const encoder = new StandInEncoder(options);
  const ingestor = new Ingestor({ folder, store, encoder, log: (line) => log.push(line), ...options });
  onTestFinished(async () => {
    await ingestor.close();
    store.close();
  });
  return { folder, store, encoder, ingestor, log };
}

/** Makes a file's time old enough to vouch for its content. */
function age(folder: string, path: string, seconds = 1_700_000_000): void {
  utimesSync(join(folder, path), seconds, seconds);
}

function ingest(
  ingestor: Ingestor,
  onProgress: (progress: Progress) => void = () => undefined,
  signal?: AbortSignal,
): Promise<IngestResult> {
  return ingestor.ingest({ signal: signal ?? new AbortController().signal, onProgress });
}

/** What an ingestor with nothing behind it makes of the same folder. */
async function fromScratch(folder: string, options: StandInOptions = {}): Promise<string[]> {
  const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
  await ingest(new Ingestor({ folder, store, encoder: new StandInEncoder(options) }));
  const contents = storeContents(store);
  store.close();
  return contents;
}

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name} line ${i}\n`).join("");

describe("an ingestion", () => {
  test("puts every text file into the store and tells what it left out", async () => {
    const { folder, store, ingestor, encoder } = setUp({
      "a.ts": lines("a", 300),
      "b/c.md": "# c\n",
      empty: "",
      "x.png": "",
      "bin.txt": "a\0b",
      ".env": "A=1",
    });
    const result = await ingest(ingestor);
    const { tokens, blocks } = store.totals();
    expect(result).toMatchObject({ files: 3, tokens, blocks, encodedTokens: tokens });
    expect(encoder.encodedTokens).toBe(tokens);
    expect(result.skipped.map(({ path, reason }) => `${path}: ${reason}`).toSorted()).toEqual([
      ".env: matches the secrets list (.env)",
      "bin.txt: binary",
      "x.png: binary",
    ]);
    expect(store.files().map(({ path }) => path)).toEqual(["a.ts", "b/c.md", "empty"]);
    expect(storeContents(store)).toEqual(await fromScratch(folder));
    const placed = store.read((blocks_) => blocks_.placed().filter(({ path }) => path === "a.ts"));
    expect(placed[0]?.startLine).toBe(1);
    expect(placed.at(-1)?.endLine).toBe(300);
  });

  test("of an unchanged folder encodes nothing and reads nothing twice", async () => {
    const { folder, store, ingestor } = setUp({ "a.ts": lines("a", 100), "b.ts": lines("b", 100) });
    await ingest(ingestor);
    const generation = store.generation();
    const progress: Progress[] = [];
    expect(await ingest(ingestor, (report) => progress.push(report))).toMatchObject({ files: 2, encodedTokens: 0 });
    age(folder, "a.ts", 1_700_000_500);
    expect((await ingest(ingestor)).encodedTokens).toBe(0);
    expect(store.file("a.ts")?.mtimeNs).toBe(1_700_000_500_000_000_000n);
    expect(store.generation()).toBe(generation);
    expect(progress.at(-1)).toMatchObject({ done: 0, total: 0 });
  });

  test("follows edits, removals and new files, encoding little of a long file", async () => {
    const { folder, store, ingestor } = setUp({
      "long.ts": lines("a", 2_000),
      "gone.ts": lines("b", 100),
      "kept.ts": lines("c", 100),
    });
    const first = await ingest(ingestor);
    writeFile(folder, "long.ts", lines("a", 2_000).replace("line 1000\n", "line 1000\nan inserted line\n"));
    rmSync(join(folder, "gone.ts"));
    writeFile(folder, "new.ts", "new\n");
    const second = await ingest(ingestor);
    expect(second.files).toBe(3);
    expect(second.encodedTokens).toBeGreaterThan(0);
    expect(second.encodedTokens).toBeLessThan(first.tokens / 5);
    expect(storeContents(store)).toEqual(await fromScratch(folder));
  });

  test("a rename back, and a switch to another branch and back, cost nothing", async () => {
    const { folder, ingestor, store } = setUp({ "a.ts": lines("a", 200) });
    await ingest(ingestor);
    const before = storeContents(store);
    renameSync(join(folder, "a.ts"), join(folder, "b.ts"));
    expect((await ingest(ingestor)).encodedTokens).toBeGreaterThan(0);
    renameSync(join(folder, "b.ts"), join(folder, "a.ts"));
    expect((await ingest(ingestor)).encodedTokens).toBe(0);
    expect(storeContents(store)).toEqual(before);
    writeFile(folder, "a.ts", "other\n");
    await ingest(ingestor);
    writeFile(folder, "a.ts", lines("a", 200));
    expect((await ingest(ingestor)).encodedTokens).toBe(0);
    expect(storeContents(store)).toEqual(before);
  });

  test("a change that leaves size and time alone is found when the file was just written", async () => {
    const { folder, ingestor } = setUp({});
    writeFile(folder, "a.ts", "one\n");
    const { atime, mtime } = statSync(join(folder, "a.ts"));
    await ingest(ingestor);
    writeFile(folder, "a.ts", "two\n");
    utimesSync(join(folder, "a.ts"), atime, mtime);
    expect((await ingest(ingestor)).encodedTokens).toBeGreaterThan(0);
  });

  test("a file that is no longer to be read leaves the memory", async () => {
    const { folder, store, ingestor } = setUp({ "a.ts": "a\n", "b.ts": "b\n", "c.ts": "c\n" });
    await ingest(ingestor);
    writeFile(folder, ".gitignore", "a.ts\n");
    writeFile(folder, "b.ts", "b\0");
    rmSync(join(folder, "c.ts"));
    symlinkSync("/etc/hostname", join(folder, "c.ts"));
    const { skipped } = await ingest(ingestor);
    expect(store.files().map(({ path }) => path)).toEqual([".gitignore"]);
    expect(skipped).toEqual([
      { path: "c.ts", reason: "symbolic link" },
      { path: "b.ts", reason: "binary" },
    ]);
  });

  test("batches hold what the encoder asked for, of several files, and one segment at least", async () => {
    const sizes: number[] = [];
    const files = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}.ts`, lines(`f${i}`, 10)]));
    const { ingestor, encoder } = setUp(
      { ...files, "long.ts": lines("l", 1_000) },
      {
        maxSegmentTokens: 300,
        batchTokens: 1_000,
        onEncode: (inputs) =>
          void sizes.push(
            inputs.reduce(
              (sum, { header, segment }) =>
                sum + header.length + segment.blocks.reduce((part, { tokens }) => part + tokens.length, 0),
              0,
            ),
          ),
      },
    );
    await ingest(ingestor);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    expect(encoder.encodedTokens / sizes.length).toBeGreaterThan(750);
  });

  test("text that stands twice is encoded once", async () => {
    const text = lines("same", 3);
    const encoder = new StandInEncoder();
    encoder.header = () => Int32Array.of(1);
    const folder = temporaryFolder({ "a.ts": text, "b.ts": text });
    const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
    const result = await ingest(new Ingestor({ folder, store, encoder }));
    expect(result.encodedTokens * 2).toBe(result.tokens);
    expect(store.read((blocks) => blocks.placed()).map(({ path }) => path)).toEqual(["a.ts", "b.ts"]);
    store.close();
  });

  test("one file that cannot be cut does not keep the others out", async () => {
    const encoder = new StandInEncoder({ maxSegmentTokens: 150 });
    const folder = temporaryFolder({ [`${"deep/".repeat(10)}a.ts`]: "a\n", "b.ts": "b\n" });
    const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
    const { files, skipped } = await ingest(new Ingestor({ folder, store, encoder }));
    expect(files).toBe(1);
    expect(skipped).toEqual([{ path: `${"deep/".repeat(10)}a.ts`, reason: expect.stringContaining("header") }]);
    store.close();
  });

  test("what the encoder throws ends the ingestion; what was stored stays, and the next goes on", async () => {
    let batches = 0;
    const { ingestor, store, folder } = setUp(
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.ts`, lines(`f${i}`, 50)])),
      {
        batchTokens: 500,
        onEncode: () => {
          if (++batches === 5) throw new Error("out of luck");
        },
      },
    );
    await expect(ingest(ingestor)).rejects.toMatchObject({ code: "internal", message: "out of luck" });
    const { tokens } = store.totals();
    expect(tokens).toBeGreaterThan(0);
    const second = await ingest(ingestor);
    expect(second.encodedTokens).toBeLessThanOrEqual(second.tokens - tokens);
    expect(storeContents(store)).toEqual(await fromScratch(folder));
  });
});

describe("progress", () => {
  test("never runs ahead of the store, never goes back and ends at its total", async () => {
    const reports: { progress: Progress; durable: number }[] = [];
    const { ingestor, store } = setUp(
      Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}.ts`, lines(`f${i}`, 40)])),
      { batchTokens: 700 },
    );
    // Another process' view: all segments in the file, also those of files that are not complete.
    const other = new Database(store.path, { readonly: true });
    const stored = other.prepare<[], number>("SELECT ifnull(sum(tokens), 0) FROM blocks").pluck();
    const result = await ingest(ingestor, (progress) => reports.push({ progress, durable: stored.get() ?? 0 }));
    other.close();
    let before = 0;
    for (const { progress, durable } of reports) {
      expect(progress.done).toBeGreaterThanOrEqual(before);
      expect(progress.done).toBeLessThanOrEqual(durable);
      expect(progress.total).toBeGreaterThanOrEqual(progress.done);
      before = progress.done;
    }
    expect(reports[0]?.progress).toMatchObject({ phase: "ingest", unit: "tokens", done: 0 });
    expect(reports.at(-1)?.progress).toMatchObject({
      done: result.encodedTokens,
      total: result.encodedTokens,
      secondsLeft: 0,
    });
  });
});

describe("pausing and cancelling", () => {
  test("a paused ingestion encodes nothing more until it is resumed", async () => {
    const { ingestor, encoder } = setUp(
      { "a.ts": lines("a", 2_000) },
      { batchTokens: 500, onEncode: () => ingestor.pause() },
    );
    const ended = ingest(ingestor);
    await expect.poll(() => ingestor.state).toBe("paused");
    await expect.poll(() => encoder.encodedTokens).toBeGreaterThan(0);
    const { encodedTokens } = encoder;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(encoder.encodedTokens).toBe(encodedTokens);
    const resuming = setInterval(() => ingestor.resume(), 0);
    expect((await ended).tokens).toBe(encoder.encodedTokens);
    clearInterval(resuming);
    ingestor.resume();
    expect(ingestor.state).toBe("idle");
  });

  test.each(["working", "paused"])(
    "a cancelled ingestion ends at once while %s, and the next goes on from there",
    async (state) => {
      const cancelling = new AbortController();
      let batches = 0;
      const { ingestor, store, folder } = setUp(
        Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.ts`, lines(`f${i}`, 50)])),
        {
          batchTokens: 500,
          onEncode: () => {
            if (++batches !== 3) return;
            if (state === "paused") ingestor.pause();
            setImmediate(() => cancelling.abort());
          },
        },
      );
      await expect(ingest(ingestor, undefined, cancelling.signal)).rejects.toMatchObject({ code: "cancelled" });
      expect(batches).toBe(3);
      const { tokens } = store.totals();
      ingestor.resume();
      const second = await ingest(ingestor);
      expect(second.encodedTokens).toBeLessThanOrEqual(second.tokens - tokens);
      expect(storeContents(store)).toEqual(await fromScratch(folder));
    },
  );
});

describe("hints", () => {
  test("a changed, a new and a removed file and a removed folder are followed without a walk", async () => {
    const { folder, store, ingestor, log } = setUp({ "a.ts": "a\n", "b.ts": "b\n", "d/e.ts": "e\n", "d/f.ts": "f\n" });
    await ingest(ingestor);
    writeFile(folder, "a.ts", "changed\n");
    writeFile(folder, "n.ts", "new\n");
    writeFile(folder, "unnoticed.ts", "nobody said so\n");
    rmSync(join(folder, "b.ts"));
    rmSync(join(folder, "d"), { recursive: true });
    await ingestor.changed(["a.ts", "n.ts", "b.ts", "d", "never/there.ts"].map((path) => ({ path })));
    await ingestor.settled();
    expect(store.files().map(({ path }) => path)).toEqual(["a.ts", "n.ts"]);
    rmSync(join(folder, "unnoticed.ts"));
    expect(storeContents(store)).toEqual(await fromScratch(folder));
    expect(log).toEqual([]);
  });

  test("a folder that appeared is walked", async () => {
    const { folder, store, ingestor } = setUp({});
    writeFile(folder, "new/a.ts", "a\n");
    writeFile(folder, "new/sub/.env", "A=1\n");
    writeFile(folder, "new/sub/b.ts", "b\n");
    await ingestor.changed([{ path: "new" }]);
    await ingestor.settled();
    expect(store.files().map(({ path }) => path)).toEqual(["new/a.ts", "new/sub/b.ts"]);
  });

  test("an editor's text stands for the file's until it is taken back, also through an ingestion", async () => {
    const { store, ingestor } = setUp({ "a.ts": "on disk\n" });
    await ingest(ingestor);
    const texts = (): (string | undefined)[] =>
      store.read((blocks) => blocks.placed().map(({ id }) => blocks.text(id)));
    await ingestor.changed([
      { path: "a.ts", text: "unsaved\n" },
      { path: "untitled.ts", text: "nowhere yet\n" },
    ]);
    await ingestor.settled();
    expect(texts()).toEqual(["unsaved\n", "nowhere yet\n"]);
    await ingest(ingestor);
    expect(texts()).toEqual(["unsaved\n", "nowhere yet\n"]);
    await ingestor.changed([{ path: "a.ts" }, { path: "untitled.ts" }]);
    await ingestor.settled();
    expect(texts()).toEqual(["on disk\n"]);
  });

  test("secrets, ignored files and paths out of the folder are not read", async () => {
    const { store, ingestor } = setUp({ ".gitignore": "out/\n", ".env": "A=1", "out/a.ts": "a\n", "b.ts": "b\n" });
    await ingestor.changed([
      { path: ".env" },
      { path: ".env", text: "A=1" },
      { path: "out/a.ts", text: "x" },
      { path: "b.ts" },
    ]);
    await ingestor.settled();
    expect(store.files().map(({ path }) => path)).toEqual(["b.ts"]);
    for (const path of ["../b.ts", "/etc/passwd", "a/../b.ts", "", "a//b", "./b.ts", "b.ts\0"]) {
      await expect(ingestor.changed([{ path }])).rejects.toMatchObject({ code: "usage" });
    }
  });

  test("a linked directory does not lead out of the folder", async () => {
    const outside = temporaryFolder({ "secret.ts": "secret\n" });
    const { folder, store, ingestor } = setUp({ "a.ts": "a\n" });
    symlinkSync(outside, join(folder, "link"));
    await ingestor.changed([{ path: "link/secret.ts" }, { path: "link" }]);
    await ingestor.settled();
    expect(store.files()).toEqual([]);
  });

  test("during an ingestion they come first", async () => {
    const order: string[] = [];
    const names = Array.from({ length: 40 }, (_, i) => `f${String(i).padStart(2, "0")}.ts`);
    const { ingestor, folder } = setUp(Object.fromEntries(names.map((name) => [name, lines(name, 100)])), {
      batchTokens: 600,
      onEncode: async (inputs) => {
        if (order.length === 0) await ingestor.changed([{ path: "f39.ts" }]);
        order.push(...inputs.map(({ segment }) => segment.blocks[0]?.text.slice(0, 3) ?? ""));
      },
    });
    const result = await ingest(ingestor);
    expect(result.files).toBe(40);
    expect(order.indexOf("f39")).toBeGreaterThan(0);
    expect(order.indexOf("f39")).toBeLessThan(order.indexOf("f10"));
    expect(statSync(join(folder, "f39.ts")).isFile()).toBe(true);
  });
});

test("two ingestors of one folder and store, at once, end with what one alone makes", async () => {
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.ts`, lines(`f${i}`, 60)]));
  const { folder, store, ingestor } = setUp(files, { batchTokens: 700 });
  const second = new Store(store.path, () => undefined);
  const other = new Ingestor({ folder, store: second, encoder: new StandInEncoder({ batchTokens: 900 }) });
  await Promise.all([ingest(ingestor), ingest(other)]);
  second.close();
  expect(storeContents(store)).toEqual(await fromScratch(folder));
});

test("a store that was cut by other rules is cut again, and equal segments are not encoded again", async () => {
  const { folder, store, ingestor } = setUp({ "short.ts": "short\n", "long.ts": lines("long", 500) });
  await ingest(ingestor);
  const encoder = new StandInEncoder({ maxSegmentTokens: 700 });
  const result = await ingest(new Ingestor({ folder, store, encoder }));
  expect(result.encodedTokens).toBeGreaterThan(0);
  expect(result.encodedTokens).toBeLessThan(result.tokens);
  expect(storeContents(store)).toEqual(await fromScratch(folder, { maxSegmentTokens: 700 }));
});
