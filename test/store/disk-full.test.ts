import { join } from "node:path";

import { expect, test, vi } from "vitest";

import type * as DatabaseModule from "../../engine/store/database.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fileOf, segmentOf } from "./segments.ts";

/** Pages that a database may have: SQLite then fails as it does on a full disk. */
let mostPages = 1_000_000;

vi.mock("../../engine/store/database.ts", async (original) => {
  const module = await original<typeof DatabaseModule>();
  const openDatabase: typeof module.openDatabase = (path, log) => {
    const connection = module.openDatabase(path, log);
    connection.pragma(`max_page_count = ${mostPages}`);
    return connection;
  };
  return { ...module, openDatabase };
});

test("on a full disk a write fails as a whole and says so; what was there stays and can be read", () => {
  const path = join(temporaryFolder(), "store.sqlite");
  const unexpected = (line: string): void => {
    throw new Error(line);
  };
  const roomy = new Store(path, unexpected);
  roomy.commit([segmentOf("a", ["one", "two"])], [fileOf("a.ts", ["a"])]);
  roomy.close();
  mostPages = 60;
  const full = new Store(path, unexpected);
  const before = [full.totals(), full.generation()];
  const large = segmentOf("b", ["small", "x".repeat(2_000_000)]);
  expect(() => full.commit([large], [fileOf("b.ts", ["b"])])).toThrow(
    expect.objectContaining({
      code: "disk-full",
      message: expect.stringContaining("The disk is full"),
      meaning: expect.stringContaining("What was read before is kept"),
    }),
  );
  expect([full.totals(), full.generation()]).toEqual(before);
  expect(full.hasSegment("b")).toBe(false);
  expect(full.read((blocks) => blocks.placed().map(({ id }) => blocks.text(id)))).toEqual(["one", "two"]);
  // Room can be made, and the next write goes through.
  expect(full.evictKv("leastUsed")).toBeGreaterThan(0);
  expect(full.commit([segmentOf("c", ["three"])], [fileOf("c.ts", ["c"])])).toEqual([]);
  full.close();
});
