import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";

import { openDatabase } from "../../engine/store/database.ts";
import { migrate, SCHEMA_VERSION } from "../../engine/store/migrations.ts";
import { Store } from "../../engine/store/store.ts";
import { storePath } from "../../engine/store/store-path.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fileOf, segmentOf } from "./segments.ts";

/** A closed store with one file of 40 blocks in it. */
function filledStore(): string {
  const path = join(temporaryFolder(), "deep", "store.sqlite");
  const store = new Store(path, failOnLog);
  const texts = Array.from({ length: 40 }, (_, i) => `text ${i} ${"x".repeat(2_000)}`);
  store.commit([segmentOf("a", texts)], [fileOf("a.ts", ["a"])]);
  store.close();
  return path;
}

function failOnLog(line: string): void {
  throw new Error(`unexpected log: ${line}`);
}

describe("opening", () => {
  test("a new store is private and in WAL mode; opened again it has what was committed", () => {
    const path = filledStore();
    expect(statSync(path).mode & 0o077).toBe(0);
    const connection = openDatabase(path, failOnLog);
    expect(connection.pragma("journal_mode", { simple: true })).toBe("wal");
    expect(connection.pragma("synchronous", { simple: true })).toBe(1);
    expect(connection.pragma("foreign_keys", { simple: true })).toBe(1);
    connection.close();
    const store = new Store(path, failOnLog);
    expect(store.totals()).toMatchObject({ files: 1, segments: 1, blocks: 40 });
    store.close();
  });

  test.each(Array.from({ length: SCHEMA_VERSION + 1 }, (_, version) => version))(
    "a store of version %i is migrated",
    (version) => {
      const path = join(temporaryFolder(), "store.sqlite");
      const old = new Database(path);
      migrate(old, version);
      expect(old.pragma("user_version", { simple: true })).toBe(version);
      old.close();
      const store = new Store(path, failOnLog);
      store.commit([segmentOf("a", ["one"])], [fileOf("a.ts", ["a"])]);
      expect(store.totals().blocks).toBe(1);
      store.close();
    },
  );

  test("a folder that cannot be made is an error that says so", () => {
    const folder = temporaryFolder({ file: "not a folder" });
    expect(() => openDatabase(join(folder, "file", "store.sqlite"), failOnLog)).toThrow(
      expect.objectContaining({ code: "store-failed", remedy: expect.stringContaining("cache") }),
    );
  });
});

describe("a file that cannot be used is set aside and built again", () => {
  function expectRebuilt(path: string, suffix: string, before?: Buffer): void {
    const lines: string[] = [];
    const store = new Store(path, (line) => lines.push(line));
    expect(store.totals()).toEqual({ files: 0, segments: 0, blocks: 0, tokens: 0 });
    store.commit([segmentOf("a", ["one"])], [fileOf("a.ts", ["a"])]);
    store.close();
    expect(lines).toEqual([expect.stringContaining(`set aside as ${path}.${suffix}`)]);
    if (before) expect(readFileSync(`${path}.${suffix}`).equals(before)).toBe(true);
    new Store(path, failOnLog).close();
  }

  test("of a newer version", () => {
    const path = filledStore();
    const newer = new Database(path);
    newer.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    newer.close();
    expectRebuilt(path, "newer");
    const kept = new Database(`${path}.newer`);
    expect(kept.pragma("user_version", { simple: true })).toBe(SCHEMA_VERSION + 1);
    expect(kept.prepare("SELECT count(*) FROM files").pluck().get()).toBeGreaterThan(0);
    kept.close();
  });

  test("of a newer version that has it open is left to it, with what its log holds", () => {
    const path = filledStore();
    const newer = new Database(path);
    newer.pragma("journal_mode = WAL");
    newer.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    expect(() => new Store(path, failOnLog)).toThrow(
      expect.objectContaining({ code: "store-failed", message: expect.stringContaining("newer version") }),
    );
    expect(newer.pragma("user_version", { simple: true })).toBe(SCHEMA_VERSION + 1);
    newer.exec("CREATE TABLE later (x); INSERT INTO later VALUES (1)");
    newer.close();
    const again = new Database(path);
    expect(again.prepare("SELECT x FROM later").pluck().get()).toBe(1);
    again.close();
  });

  test("that is no database", () => {
    const path = join(temporaryFolder({ "store.sqlite": "no database at all ".repeat(100) }), "store.sqlite");
    expectRebuilt(path, "damaged", readFileSync(path));
  });

  test("that was cut off", () => {
    const path = filledStore();
    truncateSync(path, Math.floor(statSync(path).size / 2));
    expectRebuilt(path, "damaged", readFileSync(path));
  });

  test("with pages overwritten", () => {
    const path = filledStore();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 16_384, bytes.length - 16_384);
    writeFileSync(path, bytes);
    expectRebuilt(path, "damaged", bytes);
  });

  test("with tables missing", () => {
    const path = join(temporaryFolder(), "store.sqlite");
    const other = new Database(path);
    other.exec("CREATE TABLE other (id INTEGER)");
    other.pragma(`user_version = ${SCHEMA_VERSION}`);
    other.close();
    const lines: string[] = [];
    new Store(path, (line) => lines.push(line)).close();
    expect(lines).toHaveLength(1);
    expect(existsSync(`${path}.damaged`)).toBe(true);
  });
});

describe("where a store lies", () => {
  test("depends on the real folder and the encoder, and tells people which it is", () => {
    const folder = temporaryFolder({ "my project/a.ts": "" });
    const project = join(folder, "my project");
    const path = storePath("/data", project, "encoder");
    expect(path).toMatch(/^\/data\/workspaces\/my_project-[0-9a-f]{12}\/[0-9a-f]{12}\.sqlite$/);
    expect(storePath("/data", `${project}/../my project`, "encoder")).toBe(path);
    expect(storePath("/data", folder, "encoder")).not.toBe(path);
    expect(storePath("/data", project, "other")).not.toBe(path);
  });

  test("a folder that does not exist is an error", () => {
    expect(() => storePath("/data", "/no/such/folder", "encoder")).toThrow(
      expect.objectContaining({ code: "folder-not-found" }),
    );
  });
});
