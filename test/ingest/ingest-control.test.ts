import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { temporaryFolder, writeFile } from "../support/folder.ts";
import { fromScratch, ingest, lines, setUp } from "./ingest-setup.ts";
import { storeContents } from "./store-contents.ts";

describe("pausing and cancelling", () => {
  test("a paused ingestion encodes nothing more until it is resumed", async () => {
    const { ingestor, encoder } = setUp(
      { "a.ts": lines("a", 2_000) },
      { batchTokens: 500, onEncode: () => ingestor.pause() },
    );
    const ended = ingest(ingestor);
    await expect.poll(() => ingestor.state, { timeout: 20_000 }).toBe("paused");
    await expect.poll(() => encoder.encodedTokens, { timeout: 20_000 }).toBeGreaterThan(0);
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
    const { ingestor } = setUp(Object.fromEntries(names.map((name) => [name, lines(name, 100)])), {
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
  });
});
