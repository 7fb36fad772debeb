import { existsSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { isSetAside } from "./database.ts";
import { Store } from "./store.ts";

/** The default is this much, or this share of the disk that is free but for the stores, whichever is less. */
const MOST_BYTES = 10e9;
const FREE_SHARE = 1 / 5;
/** Room is made until so much of the budget is in use, so that it is not made again at once. */
const FULL_SHARE = 0.95;
/** The stores' sizes are looked at again after a store has grown by this much. */
const LOOK_BYTES = 64 * 2 ** 20;

type Evicted = Parameters<Store["evictKv"]>[0];

/**
 * How much disk the stores of all folders take together. Above the budget, stores that were set aside go, then keys and values: those
 * that no file holds any more, then those that questions needed least; in each case those of the store first that was changed longest ago. Text, words,
 * symbols and index stay, so that everything is found as before; what is chosen is encoded again (`BlockRestorer`).
 */
export class DiskBudget {
  readonly #dataDir: string;
  readonly #folder: string;
  readonly #log: (line: string) => void;
  /** Sizes of this process's stores at the last look. */
  readonly #seen = new Map<string, number>();
  #bytes: number | undefined;
  #wasTold = false;

  /** @param bytes the default depends on the disk that is free */
  constructor(dataDir: string, bytes: number | undefined, log: (line: string) => void) {
    this.#dataDir = dataDir;
    this.#folder = join(dataDir, "workspaces");
    this.#log = log;
    this.#bytes = bytes;
  }

  /** Of all stores together. The default is taken from the disk when it is first asked for. */
  get bytes(): number {
    const free = (): number => freeBytes(this.#dataDir) + this.used();
    return (this.#bytes ??= Math.min(MOST_BYTES, Math.floor(free() * FREE_SHARE)));
  }

  /** Bytes that all stores take, with their logs and those set aside. */
  used(): number {
    return storeFiles(this.#folder).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Makes room when `store`, which this process writes to, has grown since the last call. Throws what the store throws. */
  async check(store: Store): Promise<void> {
    const size = store.bytes();
    const seen = this.#seen.get(store.path);
    if (seen !== undefined && size < seen + LOOK_BYTES) return;
    await this.makeRoom(store);
    this.#seen.set(store.path, store.bytes());
  }

  /** Brings the stores below the budget, as far as their keys and values allow. */
  async makeRoom(own: Store): Promise<void> {
    if (this.used() <= this.bytes) return;
    const goal = this.bytes * FULL_SHARE;
    this.#deleteSetAside();
    for (const which of ["spare", "leastUsed"] as const) {
      for (const path of this.#oldestFirst(own.path)) {
        if (this.used() <= goal) return;
        await this.#free(path, own, goal, which);
      }
    }
    if (this.used() > this.bytes && !this.#wasTold) {
      this.#wasTold = true;
      this.#log(
        `The memory takes ${this.used()} bytes without any keys and values, its budget is ${this.bytes}. Forget folders that you no longer need, or raise the budget.`,
      );
    }
  }

  /** Nothing reads them any more; the folder's new store has been filled from the workspace since. */
  #deleteSetAside(): void {
    for (const { path } of storeFiles(this.#folder)) if (isSetAside(path)) rmSync(path, { force: true });
  }

  /** The store that this process writes to comes last, whatever its time. */
  #oldestFirst(own: string): string[] {
    const others = storeFiles(this.#folder).filter(({ path }) => path.endsWith(".sqlite") && path !== own);
    return [...others.sort((a, b) => a.changed - b.changed).map(({ path }) => path), own];
  }

  async #free(path: string, own: Store, goal: number, which: Evicted): Promise<void> {
    if (path === own.path) return this.#freeIn(own, goal, which);
    try {
      const other = new Store(path, this.#log);
      try {
        await this.#freeIn(other, goal, which);
      } finally {
        other.close();
      }
    } catch (error) {
      this.#log(`No room could be made in ${path}: ${String(error)}`);
    }
  }

  /** A step at a time: questions and other windows are served between. */
  async #freeIn(store: Store, goal: number, which: Evicted): Promise<void> {
    while (this.used() > goal && store.evictKv(which) > 0) await setImmediate();
  }
}

interface StoreFile {
  path: string;
  bytes: number;
  /** In ms since 1970. */
  changed: number;
}

/** All files of all stores: databases, their logs, and what was set aside. */
function storeFiles(folder: string): StoreFile[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.flatMap((name) => {
    const path = join(folder, name);
    // Another process may have deleted it since.
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() ? [{ path, bytes: found.size, changed: found.mtimeMs }] : [];
  });
}

/** Of the disk that the folder is, or will be, on. */
function freeBytes(folder: string): number {
  const present = existsSync(folder) || dirname(folder) === folder;
  if (!present) return freeBytes(dirname(folder));
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
