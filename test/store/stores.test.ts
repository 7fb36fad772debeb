import Database from "better-sqlite3";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { storeFolder, storePath } from "../../engine/store/store-path.ts";
import { Store } from "../../engine/store/store.ts";
import { forgetStores, latestTotals } from "../../engine/store/stores.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fileOf, segmentOf } from "./segments.ts";

/** A folder's store with two files, open as another window has it. */
function openFilled(): { dataDir: string; folder: string; store: Store } {
  const [dataDir, folder] = [temporaryFolder(), temporaryFolder()];
  const store = new Store(storePath(dataDir, folder, "model"), () => undefined);
  onTestFinished(() => store.close());
  store.commit(
    [segmentOf("a", ["secretword one"]), segmentOf("b", ["two"]), segmentOf("old", ["secretword before"])],
    [fileOf("f.ts", ["a"]), fileOf("d/g.ts", ["b"])],
  );
  return { dataDir, folder, store };
}

test("all of a folder is forgotten under another window, which then reads and writes on", () => {
  const { dataDir, folder, store } = openFilled();
  expect(forgetStores(dataDir, folder, undefined)).toEqual({ files: 2, blocks: 2 });
  expect(store.files()).toEqual([]);
  expect([store.hasSegment("a"), store.hasSegment("old")]).toEqual([false, false]);
  store.commit([segmentOf("c", ["three"])], [fileOf("f.ts", ["c"])]);
  expect(latestTotals(dataDir, folder)).toMatchObject({ state: "ready", files: 1 });
  const raw = new Database(store.path, { readonly: true });
  onTestFinished(() => void raw.close());
  expect(raw.serialize().includes("secretword")).toBe(false);
});

test("where nobody else holds it, the file goes, and what was set aside with it", () => {
  const { dataDir, folder, store } = openFilled();
  store.close();
  writeFileSync(`${store.path}.damaged`, "secretword");
  expect(forgetStores(dataDir, folder, [])).toEqual({ files: 2, blocks: 2 });
  expect(existsSync(storeFolder(dataDir, folder))).toBe(false);
  expect(latestTotals(dataDir, folder)).toMatchObject({ state: "empty", files: 0 });
});

test("files and directories are forgotten in every model's store; what is none of ours stays", () => {
  const { dataDir, folder, store } = openFilled();
  const other = new Store(storePath(dataDir, folder, "other model"), () => undefined);
  onTestFinished(() => other.close());
  other.commit([segmentOf("b", ["two"])], [fileOf("d/g.ts", ["b"])]);
  mkdirSync(join(dirname(store.path), "notes"));
  forgetStores(dataDir, folder, ["d"]);
  expect(store.files().map(({ path }) => path)).toEqual(["f.ts"]);
  expect(other.files()).toEqual([]);
  store.close();
  other.close();
  forgetStores(dataDir, folder, undefined);
  expect(readdirSync(storeFolder(dataDir, folder))).toEqual(["notes"]);
});
