import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import Database from "better-sqlite3";
import { expect, test } from "vitest";

import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "../support/folder.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { storeContents } from "./store-contents.ts";

/** A module that exports `createEncoder`, to run this with a real model; the stand-in where it is not set. */
const ENCODER = process.env["REPO_MEMORY_TEST_ENCODER"] ?? "";
const KILLS = 20;

/** How often a child is let to report before it is killed, and how much later. */
interface Moment {
  reports: number;
  turns: number;
}

/** Ingests in a process of its own; kills it at `moment`. Resolves to whether it completed before. */
async function ingest(folder: string, storeFile: string, moment?: Moment): Promise<boolean> {
  const script = join(import.meta.dirname, "ingest-child.ts");
  const child = spawn(process.execPath, [script, folder, storeFile, ENCODER], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let reports = 0;
  let complete = false;
  for await (const line of createInterface(child.stdout)) {
    complete ||= line === "complete";
    if (!line.startsWith("stored") || moment === undefined || ++reports !== moment.reports) continue;
    for (let turn = 0; turn < moment.turns; turn++) await new Promise(setImmediate);
    child.kill("SIGKILL");
  }
  await ended;
  expect(errors).toBe("");
  return complete;
}

/** What must hold at any moment: a sound file, whole segments, files of which every segment is there. */
function checkSound(storeFile: string): void {
  const connection = new Database(storeFile, { readonly: true });
  const count = (sql: string): unknown => connection.prepare(sql).pluck().get();
  expect(connection.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(connection.pragma("foreign_key_check")).toEqual([]);
  expect(count("SELECT count(*) FROM blocks WHERE id NOT IN (SELECT block FROM block_kv)")).toBe(0);
  expect(count("SELECT count(*) FROM blocks WHERE id NOT IN (SELECT block FROM block_index)")).toBe(0);
  expect(count("SELECT count(*) FROM segments WHERE id NOT IN (SELECT segment FROM blocks)")).toBe(0);
  const live = "SELECT id FROM blocks WHERE segment IN (SELECT segment FROM file_segments)";
  expect(count(`SELECT count(*) FROM (${live}) WHERE id NOT IN (SELECT block FROM lexical_length)`)).toBe(0);
  expect(count(`SELECT count(*) FROM lexical_length WHERE block NOT IN (${live})`)).toBe(0);
  connection.close();
}

/** Every segment under its key, with every byte of its blocks. */
function allSegments(storeFile: string): unknown[] {
  const connection = new Database(storeFile, { readonly: true });
  const rows = connection
    .prepare(
      `SELECT s.key, h.key AS header, h.data AS header_data, b.ordinal, b.tokens, b.start_line, b.end_line, b.text, k.data, i.data AS entry
       FROM segments s JOIN headers h ON h.id = s.header JOIN blocks b ON b.segment = s.id
       JOIN block_kv k ON k.block = b.id JOIN block_index i ON i.block = b.id ORDER BY s.key, b.ordinal`,
    )
    .all();
  connection.close();
  return rows;
}

function contentsOf(storeFile: string): string[] {
  const store = new Store(storeFile, (line) => expect.unreachable(line));
  const contents = storeContents(store);
  store.close();
  return contents;
}

test("killed at 20 random moments, an ingestion ends as if it had not been", async () => {
  const random = seededRandom(20);
  const long = Array.from({ length: 1_000 }, (_, i) => `const value${i} = compute(${i}, ${i % 7});\n`).join("");
  const files = Array.from({ length: 12 }, (_, i) => [`src/f${i}.ts`, long.slice(i * 400, (i + 8) * 400)] as const);
  const folder = temporaryFolder({ ...Object.fromEntries(files), "long.ts": long });
  const stores = temporaryFolder();
  const [killed, whole] = [join(stores, "killed.sqlite"), join(stores, "whole.sqlite")];
  await ingest(folder, whole);

  for (let kills = 0; kills < KILLS;) {
    const complete = await ingest(folder, killed, {
      reports: 1 + randomInteger(random, 20),
      turns: randomInteger(random, 200),
    });
    checkSound(killed);
    if (complete) for (const part of ["", "-wal", "-shm"]) rmSync(killed + part, { force: true });
    else kills++;
  }
  expect(await ingest(folder, killed)).toBe(true);
  checkSound(killed);
  expect(contentsOf(killed)).toEqual(contentsOf(whole));
  expect(allSegments(killed)).toEqual(allSegments(whole));
});
