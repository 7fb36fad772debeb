import Database from "better-sqlite3";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { RepoMemoryError } from "../protocol/errors.ts";
import type { Connection } from "./connection.ts";
import { migrate, SCHEMA_VERSION, schemaVersion } from "./migrations.ts";

/** How long a writer waits for another window's transaction, which takes milliseconds, before it gives up. */
const BUSY_MS = 10_000;

/** Block blobs are about 0.4 to 3 MB: large pages keep their overflow chains short. */
const PAGE_BYTES = 16_384;

/** Only where no `Checkpointer` is at work does a commit itself fold the log back, at this length. */
const CHECKPOINT_BYTES = 1024 * 1024 * 1024;

/** When the log starts again, its file is cut to this length. */
const KEPT_LOG_BYTES = 64 * 1024 * 1024;

/** Read whole at every open. `block_kv`, `block_index` and `headers` are not: they are gigabytes, and each blob carries its own checksum. */
const CHECKED_TABLES = [
  "properties",
  "segments",
  "blocks",
  "symbols",
  "files",
  "file_segments",
  "lexical_length",
  "lexical_data",
];

/** Why a store file cannot be used as it is; its data can be made again from the workspace. */
class UnusableStore extends Error {
  readonly suffix: "damaged" | "newer";

  constructor(suffix: "damaged" | "newer", message: string) {
    super(message);
    this.suffix = suffix;
  }
}

/**
 * Opens the store at `path`, creating or migrating it. A file that is damaged or was written by a newer version is set
 * aside (renamed, one of each kind is kept) and an empty store takes its place: the store is a cache.
 * Throws `store-failed` where the file cannot be opened at all, and while a program of a newer version has it open.
 */
export function openDatabase(path: string, log: (line: string) => void): Connection {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openOrSetAside(path, log);
  } catch (error) {
    throw storeError(error, path);
  }
}

function openOrSetAside(path: string, log: (line: string) => void): Connection {
  const inode = inodeOf(path);
  try {
    return openChecked(path);
  } catch (error) {
    const fault = asUnusable(error);
    if (fault === undefined) throw error;
    // Another process may have set the same file aside meanwhile: then `path` is its new store.
    if (inodeOf(path) === inode) setAside(path, fault.suffix);
    log(
      `The store ${path} cannot be used (${fault.message}). It was set aside as ${path}.${fault.suffix} and is built again.`,
    );
    return openChecked(path);
  }
}

function openChecked(path: string): Connection {
  const connection = new Database(path, { timeout: BUSY_MS });
  try {
    configure(connection);
    if (schemaVersion(connection) > SCHEMA_VERSION) {
      throw new UnusableStore(
        "newer",
        `its version is ${schemaVersion(connection)}, this program knows ${SCHEMA_VERSION}`,
      );
    }
    migrate(connection);
    check(connection);
    chmodSync(path, 0o600); // it holds the workspace's text
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * `synchronous = NORMAL` may lose the last transactions at a power cut but never corrupts the file in WAL mode. What is lost
 * is encoded again: the workspace is the truth. `secure_delete`, so that forgotten text is overwritten.
 */
function configure(connection: Connection): void {
  connection.pragma(`page_size = ${PAGE_BYTES}`);
  if (schemaVersion(connection) === 0) connection.pragma("auto_vacuum = INCREMENTAL");
  connection.pragma("journal_mode = WAL");
  connection.pragma("synchronous = NORMAL");
  connection.pragma("foreign_keys = ON");
  connection.pragma("secure_delete = ON");
  connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_BYTES / PAGE_BYTES}`);
  connection.pragma(`journal_size_limit = ${KEPT_LOG_BYTES}`);
}

function check(connection: Connection): void {
  for (const table of CHECKED_TABLES) {
    const found = connection.pragma(`quick_check('${table}')`, { simple: true });
    if (found !== "ok") throw new UnusableStore("damaged", String(found));
  }
}

function asUnusable(error: unknown): UnusableStore | undefined {
  if (error instanceof UnusableStore) return error;
  if (!(error instanceof Database.SqliteError)) return undefined;
  // SQLITE_ERROR at this point is a table that is missing although the version says it is there.
  const damaged = /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
  return damaged ? new UnusableStore("damaged", error.message) : undefined;
}

/** Whether a file is a store that was set aside. */
export function isSetAside(path: string): boolean {
  return /\.(?:damaged|newer)$/.test(path);
}

function setAside(path: string, suffix: UnusableStore["suffix"]): void {
  if (suffix === "newer" && !foldLogBack(path)) throw new RepoMemoryError("store-failed", inUse(path));
  for (const part of ["-wal", "-shm"]) rmSync(path + part, { force: true });
  rmSync(`${path}.${suffix}`, { force: true });
  if (existsSync(path)) renameSync(path, `${path}.${suffix}`);
}

/** Leaves write-ahead mode, for which a connection has to be alone: whoever else has the file open goes on writing to it. */
function foldLogBack(path: string): boolean {
  const connection = new Database(path, { timeout: 0 });
  try {
    return connection.pragma("journal_mode = DELETE", { simple: true }) === "delete";
  } catch {
    return false;
  } finally {
    connection.close();
  }
}

function inUse(path: string) {
  return {
    message: `The store ${path} is in use by a newer version of Repo Memory.`,
    meaning: "This older version cannot read it, and takes nothing away from a program that writes to it.",
    remedy: "Update this one, or close the other (an editor window, an MCP server) and try again.",
  };
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/**
 * Deletes the database at `path` unless another connection, of this process or another, has it open: leaving write-ahead mode
 * needs to be alone, and SQLite refuses it otherwise. Returns whether it is gone. Throws `store-failed`.
 */
export function deleteIfAlone(path: string): boolean {
  openDatabase(path, () => undefined).close();
  if (!foldLogBack(path)) return false;
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
  return true;
}

/** Any error of a store operation as one that a user can be shown. */
export function storeError(error: unknown, path: string): RepoMemoryError {
  if (error instanceof RepoMemoryError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "SQLITE_FULL" || code === "ENOSPC") {
    return new RepoMemoryError("disk-full", {
      message: `The disk is full: ${path} cannot grow.`,
      meaning: "What was read before is kept; the rest is not in memory yet.",
      remedy: "Free some space, or forget folders that you no longer need, then ingest again.",
      cause: error,
    });
  }
  return new RepoMemoryError("store-failed", {
    message: `The store ${path} failed: ${error instanceof Error ? error.message : String(error)}`,
    meaning: "The folder's memory cannot be read or written.",
    remedy: "Check that the folder exists and can be written. If it persists, delete the file: it is only a cache.",
    cause: error,
  });
}
