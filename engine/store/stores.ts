/** The stores of a folder, one a model, as files: what can be said and done without a model. */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ForgetResult, StatusResult } from "../protocol/requests.ts";
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

/**
 * Forgets files (or all files under directories) in every store of the folder; without `paths`, deletes the stores.
 * Counts are those of the store used last. Throws `folder-not-found` and `store-failed`.
 */
export function forgetStores(dataDir: string, folder: string, paths: readonly string[] | undefined): ForgetResult {
  if (paths === undefined || paths.length === 0) {
    const { files, blocks } = latestTotals(dataDir, folder);
    rmSync(storeFolder(dataDir, folder), { recursive: true, force: true });
    return { files, blocks };
  }
  const forgotten = storeFiles(dataDir, folder).map((path) =>
    withStore(path, (store) => {
      const counts = store.forget(paths.flatMap((name) => store.filesUnder(name)));
      // What a file said before it was changed or deleted is to be forgotten as well.
      store.pruneUnused();
      return counts;
    }),
  );
  return forgotten[0] ?? { files: 0, blocks: 0 };
}
