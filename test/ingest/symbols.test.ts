import { rmSync } from "node:fs";
import { join } from "node:path";

import Database from "better-sqlite3";
import { expect, test } from "vitest";

import type { Store } from "../../engine/store/store.ts";
import { Store as OpenStore } from "../../engine/store/store.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";
import { writeFile } from "../support/folder.ts";
import { ingest, setUp } from "./ingest-setup.ts";

const filler = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `call(${name}, ${i});\n`).join("");

/** Where a name is defined, as "path:line" of each block that holds a definition and its first line. */
function places(store: Store, name: string): string[] {
  return store.read((blocks, _, symbols) => {
    const ids = symbols.named(name).map(({ block }) => block);
    return blocks.locate(ids).map(({ path, startLine, endLine, id }) => {
      const at = (blocks.text(id) ?? "").split("\n").findIndex((line) => line.includes(`class ${name}`));
      return at < 0 || startLine + at > endLine ? `${path}: elsewhere` : `${path}:${startLine + at}`;
    });
  });
}

test("a name leads to the block that defines it, wherever an edit moves it, until it is gone", async () => {
  const start = filler("one", 300);
  const end = `class Target {}\n${filler("Target", 300)}`;
  const { folder, store, ingestor } = setUp({ "a.ts": start + end, "b.ts": filler("Target", 100) });
  await ingest(ingestor);
  expect(places(store, "Target")).toEqual(["a.ts:301"]);
  writeFile(folder, "a.ts", `${start}${filler("two", 5)}${end}`);
  await ingest(ingestor);
  expect(places(store, "Target")).toEqual(["a.ts:306"]);
  writeFile(folder, "a.ts", `${start}/*\n${end}*/\n`);
  await ingest(ingestor);
  expect(places(store, "Target")).toEqual([]);
  writeFile(folder, "b.ts", "class Target {}\n");
  await ingest(ingestor);
  expect(places(store, "Target")).toEqual(["b.ts:1"]);
  rmSync(join(folder, "b.ts"));
  await ingest(ingestor);
  expect(places(store, "Target")).toEqual([]);
});

test("a store of version 1 gets its symbols at the next ingestion, and nothing is encoded again", async () => {
  const { folder, store, ingestor } = setUp({ "a.ts": `${filler("one", 200)}class Target {}\n` });
  await ingest(ingestor);
  const old = new Database(store.path);
  for (const table of ["symbols", "block_use", "infini_segments", "infini_memories", "longmem_bank"])
    old.exec(`DROP TABLE ${table}`);
  old.exec("UPDATE properties SET value = 'segmenter 1, 512 tokens' WHERE name = 'layout'");
  old.pragma("user_version = 1");
  old.close();
  const migrated = new OpenStore(store.path, (line) => expect.unreachable(line));
  expect(places(migrated, "Target")).toEqual([]);
  const { encodedTokens } = await ingest(new Ingestor({ folder, store: migrated, encoder: new StandInEncoder() }));
  expect([encodedTokens, places(migrated, "Target")]).toEqual([0, ["a.ts:201"]]);
  migrated.close();
});
