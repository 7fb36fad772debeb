import { renameSync, rmSync, statSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";

import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";

import { Ingestor } from "../../engine/ingest/ingestor.ts";
import type { Progress } from "../../engine/protocol/requests.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder, writeFile } from "../support/folder.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";
import { age, fromScratch, ingest, lines, setUp } from "./ingest-setup.ts";
import { storeContents } from "./store-contents.ts";

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
