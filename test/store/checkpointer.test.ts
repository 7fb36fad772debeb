import { statSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { Checkpointer } from "../../engine/store/checkpointer.ts";
import { openDatabase } from "../../engine/store/database.ts";
import { temporaryFolder } from "../support/folder.ts";

test("a log that was written to without end is folded back by another thread, and stays short", async () => {
  const path = join(temporaryFolder(), "store.sqlite");
  const log: string[] = [];
  const connection = openDatabase(path, (line) => log.push(line));
  const checkpointer = new Checkpointer(path, (line) => log.push(line));
  const insert = connection.prepare(
    "INSERT INTO headers (key, tokens, codec, data) VALUES (?, 1, 'int8', zeroblob(?))",
  );
  const bytes = 32 * 2 ** 20;
  for (let i = 0; i < 12; i++) {
    insert.run(String(i), bytes);
    checkpointer.wrote(bytes);
    await checkpointer.ready();
    expect(statSync(`${path}-wal`).size).toBeLessThan(330 * 2 ** 20);
  }
  expect(statSync(path).size).toBeGreaterThan(3 * bytes);
  checkpointer.close();
  await checkpointer.ready();
  expect(connection.pragma("quick_check", { simple: true })).toBe("ok");
  expect(connection.prepare("SELECT count(*) FROM headers").pluck().get()).toBe(12);
  connection.close();
  expect(log).toEqual([]);
});

test("without its thread, writing goes on and the log says so", async () => {
  const log: string[] = [];
  const checkpointer = new Checkpointer(join(temporaryFolder(), "missing.sqlite"), (line) => log.push(line));
  checkpointer.wrote(2 ** 30);
  await expect.poll(() => log, { timeout: 30_000 }).toEqual([expect.stringContaining("within commits")]);
  checkpointer.wrote(2 ** 30);
  await checkpointer.ready();
  checkpointer.close();
});
