import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { SkippedFile } from "../protocol/requests.ts";
import type { Store } from "../store/store.ts";
import { MAX_FILE_BYTES, FolderFilter } from "./folder-filter.ts";
import type { WalkOptions } from "./folder-filter.ts";
import { contentHash } from "./content-hash.ts";
import { isIgnoreFile } from "./relative-path.ts";
import { readOverride, readText } from "./read-text.ts";
import type { ReadText } from "./read-text.ts";
import { walk } from "./walk.ts";
import type { WalkedFile } from "./walk.ts";

/** Ignore files are read again for a hint after so long; at once where one of them changed. git is asked, which takes 10 ms. */
const FILTER_MS = 30_000;

/** What a look at one file found. */
export type FileState =
  | { state: "changed"; read: ReadText }
  | { state: "unchanged"; read: ReadText }
  | { state: "absent" } // gone, or not to be read
  | { state: "directory" };

/** Compares the folder (and what editors hold unsaved) with the store. Decides nothing about encoding. */
export class FolderChanges {
  readonly #folder: string;
  readonly #store: Store;
  readonly #options: WalkOptions;
  readonly #overrides = new Map<string, string>();
  /** Why files were not read, by path; those of the last walk, and of files looked at since. */
  #skipped = new Map<string, string>();
  #filter: FolderFilter | undefined;
  #filterSince = 0;
  /** Of the store, when it was last seen to hold what editors do. */
  #checked: number | undefined;

  /** `folder` is an absolute real path. */
  constructor(folder: string, store: Store, options: WalkOptions) {
    this.#folder = folder;
    this.#store = store;
    this.#options = options;
  }

  /** What was left out, by path. */
  skipped(): SkippedFile[] {
    return [...this.#skipped].map(([path, reason]) => ({ path, reason }));
  }

  /** A file may have changed: an editor's text stands for it from now on; undefined ends that. */
  hint(path: string, text: string | undefined): void {
    if (text === undefined) this.#overrides.delete(path);
    else this.#overrides.set(path, text);
    const isOld = performance.now() - this.#filterSince > FILTER_MS;
    if (isOld || isIgnoreFile(path)) this.#filter = undefined;
  }

  /**
   * Files of which the store does not hold what an editor does: another process, which knows of no editor, put what is on disk in its
   * place.
   */
  displaced(): { path: string; bytes: number }[] {
    const generation = this.#overrides.size === 0 ? this.#checked : this.#store.generation();
    if (generation === this.#checked) return [];
    this.#checked = generation;
    return [...this.#overrides].flatMap(([path, text]) => {
      const held = this.#store.file(path)?.contentHash;
      if (this.#skipped.has(path) || held === contentHash(Buffer.from(text))) return [];
      return { path, bytes: text.length };
    });
  }

  /** Files of the store that are no more on disk as they were read, those aside that an editor holds. */
  async outdated(signal: AbortSignal): Promise<{ path: string; bytes: number }[]> {
    const found: { path: string; bytes: number }[] = [];
    for (const { path, size, mtimeNs } of this.#store.files()) {
      signal.throwIfAborted();
      if (this.#overrides.has(path)) continue;
      const now = await lstat(join(this.#folder, path), { bigint: true }).catch(() => undefined);
      if (now?.mtimeNs !== mtimeNs || Number(now.size) !== size) found.push({ path, bytes: Number(now?.size ?? 0) });
    }
    return found;
  }

  /**
   * Walks the folder; tells each file that may have changed, and whether the store has it at all, and takes files that
   * vanished (or are no longer to be read) out of the store.
   */
  async reconcile(
    signal: AbortSignal,
    onChanged: (file: WalkedFile, isKnown: boolean) => Promise<void>,
  ): Promise<void> {
    this.#skipped = new Map();
    const vanished = new Map(this.#store.files().map((file) => [file.path, file]));
    for await (const file of this.#walk(await this.#openFilter(), "")) {
      signal.throwIfAborted();
      const known = vanished.get(file.path);
      vanished.delete(file.path);
      const same = known?.size === file.size && known.mtimeNs === file.mtimeNs && !this.#overrides.has(file.path);
      if (!same) await onChanged(file, known !== undefined);
    }
    for (const [path, text] of this.#overrides) {
      // Known only from the editor so far.
      if (vanished.delete(path)) await onChanged({ path, size: text.length, mtimeNs: -1n }, true);
    }
    this.#store.remove([...vanished.keys()]);
  }

  /** The files under a directory (relative path) that may have changed. */
  async *filesUnder(directory: string): AsyncGenerator<WalkedFile> {
    yield* this.#walk(await this.#openFilter(), `${directory}/`);
  }

  /** Whether a path's name allows it to be read. */
  async isWanted(path: string): Promise<boolean> {
    const filter = this.#filter ?? (await this.#openFilter());
    return (await filter.verdictFromRoot(path)) === "read";
  }

  /** Reads a file and compares it with the store by content. */
  async look(path: string): Promise<FileState> {
    const filter = this.#filter ?? (await this.#openFilter());
    const options = { maxFileBytes: this.#options.maxFileBytes ?? MAX_FILE_BYTES, secrets: filter.secrets };
    const override = this.#overrides.get(path);
    const read =
      override === undefined ? await readText(this.#folder, path, options) : readOverride(path, override, options);
    this.#skipped.delete(path);
    if ("text" in read) return this.#compare(path, read);
    if (read.directory) return { state: "directory" };
    if (!read.missing) this.skip(path, read.reason);
    return { state: "absent" };
  }

  skip(path: string, reason: string): void {
    this.#skipped.set(path, reason);
  }

  /** Reads the ignore files again, as they may have changed. */
  async #openFilter(): Promise<FolderFilter> {
    this.#filter = await FolderFilter.open(this.#folder, this.#options);
    this.#filterSince = performance.now();
    return this.#filter;
  }

  #compare(path: string, read: ReadText): FileState {
    const known = this.#store.file(path);
    if (known === undefined || known.contentHash !== read.contentHash) return { state: "changed", read };
    if (known.mtimeNs !== read.mtimeNs) this.#store.touch({ ...known, size: read.size, mtimeNs: read.mtimeNs });
    return { state: "unchanged", read };
  }

  #walk(filter: FolderFilter, from: string): AsyncGenerator<WalkedFile> {
    const onSkipped = ({ path, reason }: SkippedFile): void => this.skip(path, reason);
    return walk({ ...this.#options, folder: this.#folder, filter, from, onSkipped });
  }
}
