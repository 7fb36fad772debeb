/** The stores of a folder, one a model, as files: what can be said and done without a model. */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ForgetResult, MemoryFile, StatusResult } from "../protocol/requests.ts";
import { deleteIfAlone } from "./database.ts";
import { Store } from "./store.ts";
import { storeFolder } from "./store-path.ts";

type Totals = Pick<StatusResult, "state" | "files" | "blocks" | "tokens" | "bytes">;

/** The folder's store files, the one used last first. */
function storeFiles(dataDir: string, folder: string): string[] {
  const parent = storeFolder(dataDir, folder);
  if (!existsSync(parent)) return [];
  const files = readdirSync(parent).filter((name) => name.endsWith(".sqlite"));
  const changed = (path: string) =>
    Math.max(...[path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  return files.map((name) => join(parent, name)).sort((a, b) => changed(b) - changed(a));
}

function withStore<T>(path: string, use: (store: Store) => T): T {
  const store = new Store(path, () => undefined);
  try {
    return use(store);
  } finally {
    store.close();
  }
}

/** What the store used last holds. Throws `folder-not-found`. */
export function latestTotals(dataDir: string, folder: string): Totals {
  const [latest] = storeFiles(dataDir, folder);
  if (latest === undefined) return { state: "empty", files: 0, blocks: 0, tokens: 0, bytes: 0 };
  return withStore(latest, (store) => {
    const { files, blocks, tokens } = store.totals();
    return { state: files === 0 ? "empty" : "ready", files, blocks, tokens, bytes: store.bytes() };
  });
}

/** The files that the store used last holds, by path. Throws `folder-not-found`. */
export function latestFiles(dataDir: string, folder: string): MemoryFile[] {
  const [latest] = storeFiles(dataDir, folder);
  return latest === undefined ? [] : withStore(latest, filesIn);
}

/** A file's text in the store used last; undefined for what is not in it. Throws `folder-not-found`. */
export function latestText(dataDir: string, folder: string, path: string): string | undefined {
  const [latest] = storeFiles(dataDir, folder);
  return latest === undefined ? undefined : withStore(latest, (store) => textIn(store, path));
}

export function filesIn(store: Store): MemoryFile[] {
  return store.files().map(({ path, size }) => ({ path, bytes: size }));
}

export function textIn(store: Store, path: string): string | undefined {
  return store.read((blocks) => blocks.fileText(path));
}

/**
 * Forgets files (or all files under directories) in every store of the folder; without `paths`, all there is. Counts are those
 * of the store used last. Throws `folder-not-found` and `store-failed`.
 */
export function forgetStores(dataDir: string, folder: string, paths: readonly string[] | undefined): ForgetResult {
  const isWhole = paths === undefined || paths.length === 0;
  const forgotten = storeFiles(dataDir, folder).map((path) => {
    if (!isWhole) return withStore(path, (store) => forgetIn(store, paths));
    const { files, blocks } = withStore(path, (store) => store.totals());
    // Where another window holds it, the file stays under that window, and all that it said goes.
    if (!deleteIfAlone(path)) withStore(path, (store) => forgetIn(store, []));
    return { files, blocks };
  });
  if (isWhole) deleteLeftovers(storeFolder(dataDir, folder));
  return forgotten[0] ?? { files: 0, blocks: 0 };
}

/** Files forgotten in one transaction: other windows wait no longer than for so many. */
const FILES_AT_ONCE = 64;

/** Forgets the files under `paths`, or all. */
function forgetIn(store: Store, paths: readonly string[]): ForgetResult {
  const names =
    paths.length > 0 ? paths.flatMap((name) => store.filesUnder(name)) : store.files().map((file) => file.path);
  const sum = { files: 0, blocks: 0 };
  for (let from = 0; from < names.length; from += FILES_AT_ONCE) {
    const { files, blocks } = store.forget(names.slice(from, from + FILES_AT_ONCE));
    sum.files += files;
    sum.blocks += blocks;
  }
  // What a file said before it was changed or deleted is to be forgotten as well.
  store.pruneUnused();
  return sum;
}

/** Stores that were set aside, and the folder itself where nothing is left in it. */
function deleteLeftovers(parent: string): void {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent))
    if (/\.(damaged|newer)$/.test(name)) rmSync(join(parent, name), { force: true });
  if (readdirSync(parent).length === 0) rmdirSync(parent);
}
