import { statSync } from "node:fs";

import { BankTable } from "./bank-table.ts";
import { BlockReader, type MemoryTotals } from "./block-reader.ts";
import { Checkpointer } from "./checkpointer.ts";
import { openDatabase, storeError } from "./database.ts";
import type { Connection } from "./connection.ts";
import type { FileRecord } from "./file-table.ts";
import { type IndexEntry, IndexTable } from "./index-table.ts";
import { InfiniTable } from "./infini-table.ts";
import { type KvEntry, KvTable } from "./kv-table.ts";
import { LexicalTable } from "./lexical-table.ts";
import { type FileCommit, LiveFiles } from "./live-files.ts";
import { type NewSegment, SegmentTable } from "./segment-table.ts";
import { SymbolTable } from "./symbol-table.ts";

export type { FileCommit } from "./live-files.ts";

/** Pages given back to the file system in one transaction, so that no other window waits long. */
const VACUUM_PAGES = 1024;

/** Blocks of which keys and values are removed in one transaction: some 25 MB. */
const EVICTED_BLOCKS = 32;
/** So many uses of blocks are noted in one transaction. */
const NOTED_USES = 256;

/**
 * What the model computed about one folder, in one SQLite file. A cache: all of it can be made again. Several processes
 * may hold the same store; every write is one short transaction, so that none of them ever sees a half-written file.
 * Methods throw `store-failed` or `disk-full`.
 */
export class Store {
  readonly path: string;
  /** What the strategy `infini` keeps. */
  readonly infini: InfiniTable;
  /** What the strategy `longmem` keeps. */
  readonly bank: BankTable;
  readonly #connection: Connection;
  readonly #checkpointer: Checkpointer;
  readonly #files: LiveFiles;
  readonly #segments: SegmentTable;
  readonly #lexical: LexicalTable;
  readonly #symbols: SymbolTable;
  readonly #index: IndexTable;
  readonly #kv: KvTable;
  readonly #blocks: BlockReader;
  /** When blocks were used last, in ms since 1970, as far as that is not written yet. */
  readonly #uses = new Map<number, number>();

  constructor(path: string, log: (line: string) => void) {
    this.path = path;
    this.#connection = openDatabase(path, log);
    this.#checkpointer = new Checkpointer(path, log);
    this.#segments = new SegmentTable(this.#connection);
    this.#lexical = new LexicalTable(this.#connection);
    this.#symbols = new SymbolTable(this.#connection);
    this.#files = new LiveFiles(this.#connection, this.#segments, this.#lexical, this.#symbols);
    this.#index = new IndexTable(this.#connection);
    this.#kv = new KvTable(this.#connection);
    this.infini = new InfiniTable(this.#connection, (steps) => this.#write(steps));
    this.bank = new BankTable(this.#connection, (steps) => this.#write(steps));
    this.#blocks = new BlockReader(this.#connection, this.#index);
  }

  close(): void {
    this.#checkpointer.close();
    this.#tryWriteUses();
    this.#connection.close();
  }

  /** Runs `reading` on one consistent state of the store. */
  read<T>(reading: (blocks: BlockReader, lexical: LexicalTable, symbols: SymbolTable) => T): T {
    try {
      return this.#connection.transaction(() => reading(this.#blocks, this.#lexical, this.#symbols)).deferred();
    } catch (error) {
      throw storeError(error, this.path);
    }
  }

  /** Counts up whenever a file's blocks change, in any process: what was derived from live blocks is then out of date. */
  generation(): number {
    return this.#guarded(() =>
      Number(this.#connection.prepare("SELECT value FROM properties WHERE name = 'generation'").pluck().get()),
    );
  }

  files(): FileRecord[] {
    return this.#guarded(() => this.#files.table.all());
  }

  file(path: string): FileRecord | undefined {
    return this.#guarded(() => this.#files.table.get(path));
  }

  /** Paths of the files in memory that are `path` or lie under it. */
  filesUnder(path: string): string[] {
    return this.#guarded(() => this.#files.table.under(path));
  }

  hasSegment(key: string): boolean {
    return this.#guarded(() => this.#segments.idOf(key) !== undefined);
  }

  totals(): MemoryTotals {
    return this.read((blocks) => blocks.totals());
  }

  /** Size on disk in bytes, with the write-ahead log. */
  bytes(): number {
    const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return size(this.path) + size(`${this.path}-wal`);
  }

  /** Resolves when the disk has caught up with what was committed; to be awaited between large commits. */
  ready(): Promise<void> {
    return this.#checkpointer.ready();
  }

  /**
   * Adds segments and makes files consist of theirs, all or nothing. Returns the paths of files of which a segment is not
   * (or no longer: another process pruned it) in the store; those are left as they were.
   */
  commit(segments: readonly NewSegment[], files: readonly FileCommit[]): string[] {
    const incomplete = this.#write(() => {
      for (const segment of segments) this.#segments.put(segment);
      const left = files.filter((file) => !this.#files.put(file)).map(({ file }) => file.path);
      if (files.length > left.length) this.#nextGeneration();
      return left;
    });
    const blocks = segments.flatMap((segment) => segment.blocks);
    this.#checkpointer.wrote(blocks.reduce((sum, { kv }) => sum + kv.byteLength, 0));
    return incomplete;
  }

  /**
   * Replaces what the look-up keeps of blocks; their keys and values stay. Entries of blocks that are gone are left out. The
   * generation counts up: whoever has the index in memory takes it anew.
   */
  putIndex(version: string, entries: readonly IndexEntry[]): void {
    if (entries.length === 0) return;
    this.#write(() => {
      for (const entry of entries) this.#index.put(version, entry);
      this.#nextGeneration();
    });
  }

  /** Which of these blocks have no keys and values in the store. */
  withoutKv(blocks: readonly number[]): number[] {
    return this.#guarded(() => blocks.filter((block) => !this.#kv.has(block)));
  }

  /** Gives blocks their keys and values back. Those that are gone or have them are left as they are. */
  putKv(entries: readonly KvEntry[]): void {
    if (entries.length === 0) return;
    this.#write(() => {
      for (const entry of entries) this.#kv.put(entry);
    });
    this.#checkpointer.wrote(entries.reduce((sum, { kv }) => sum + kv.byteLength, 0));
  }

  /** Notes that a question needs these blocks; written now and then, as losing it does little harm. @param now ms since 1970 */
  noteUse(blocks: readonly number[], now: number = Date.now()): void {
    for (const block of blocks) this.#uses.set(block, now);
    if (this.#uses.size >= NOTED_USES) this.#tryWriteUses();
  }

  /**
   * Removes keys and values of some blocks: those that no file holds, or those that questions needed least. Text, words, symbols
   * and index stay: the blocks are found as before and can be encoded again. Returns how many bytes that were, 0 when there are none.
   */
  evictKv(which: "spare" | "leastUsed"): number {
    const freed = this.#write(() => {
      this.#writeUses();
      const blocks = this.#kv[which](EVICTED_BLOCKS);
      for (const { block } of blocks) this.#kv.remove(block);
      return blocks.reduce((sum, { bytes }) => sum + bytes, 0);
    });
    if (freed > 0) this.#shrink();
    return freed;
  }

  /** Names the rules by which files are cut. Where they changed, every file is cut again at the next ingestion. */
  useLayout(layout: string): void {
    this.#write(() => {
      const update = this.#connection.prepare<[string, string]>(
        "UPDATE properties SET value = ? WHERE name = 'layout' AND value <> ?",
      );
      if (update.run(layout, layout).changes > 0) this.#files.table.markAllStale();
    });
  }

  /** Notes that a file with unchanged content has another size or time. */
  touch(file: FileRecord): void {
    this.#write(() => {
      this.#connection
        .prepare<[number, string, string, string]>(
          "UPDATE files SET size = ?, mtime_ns = ? WHERE path = ? AND content_hash = ?",
        )
        .run(file.size, String(file.mtimeNs), file.path, file.contentHash);
    });
  }

  /** Takes files out of memory. Their segments stay as cache until pruned, so that a branch switch back is free. */
  remove(paths: readonly string[]): void {
    if (paths.length === 0) return;
    this.#write(() => {
      for (const path of paths) this.#files.remove(path);
      this.#nextGeneration();
    });
  }

  /** Takes files out of memory and deletes what was computed about them, also from the disk. Returns how many files and blocks that were. */
  forget(paths: readonly string[]): { files: number; blocks: number } {
    const forgotten = this.#write(() => {
      const before = this.#blocks.totals();
      const current = paths.flatMap((path) => this.#files.table.segmentsOf(path));
      const segments = new Set(current.flatMap((segment) => this.#segments.siblings(segment)));
      for (const path of paths) this.#files.remove(path);
      this.#segments.remove([...segments].filter((segment) => !this.#segments.isLive(segment)));
      this.#lexical.purge();
      this.#nextGeneration();
      const after = this.#blocks.totals();
      return { files: before.files - after.files, blocks: before.blocks - after.blocks };
    });
    this.#shrink();
    return forgotten;
  }

  /** Deletes the segments that no file consists of any more, once there are more than `spare`. Returns how many. */
  pruneUnused(spare = 0): number {
    const pruned = this.#write(() => {
      const unused = this.#segments.unused();
      if (unused.length <= spare) return 0;
      this.#segments.remove(unused);
      return unused.length;
    });
    if (pruned > 0) this.#shrink();
    return pruned;
  }

  /** Deletes the segment of a block whose data is damaged; its files are read and encoded again at the next ingestion. */
  dropSegmentOf(block: number): void {
    this.#write(() => {
      const segment = this.#segments.segmentOf(block);
      if (segment === undefined) return;
      this.#files.drop([segment]);
      this.#nextGeneration();
    });
  }

  /** Likewise for the segments that stand behind a damaged header. */
  dropHeader(header: number): void {
    this.#write(() => {
      this.#files.drop(this.#segments.behind(header));
      this.#nextGeneration();
    });
  }

  #writeUses(): void {
    for (const [block, at] of this.#uses) this.#kv.use(block, at);
    this.#uses.clear();
  }

  /** On a full disk or a store that is busy, what is not known of uses is no reason to fail. */
  #tryWriteUses(): void {
    if (this.#uses.size === 0) return;
    try {
      this.#write(() => this.#writeUses());
    } catch {
      this.#uses.clear();
    }
  }

  #nextGeneration(): void {
    this.#connection.exec("UPDATE properties SET value = value + 1 WHERE name = 'generation'");
  }

  /** Gives free pages back, a part at a time. */
  #shrink(): void {
    this.#guarded(() => {
      let free = Number(this.#connection.pragma("freelist_count", { simple: true }));
      for (; free > 0; free -= VACUUM_PAGES) this.#connection.pragma(`incremental_vacuum(${VACUUM_PAGES})`);
      this.#connection.pragma("wal_checkpoint(TRUNCATE)");
    });
  }

  /** `IMMEDIATE` takes the write lock first: a transaction that reads and then writes could not be upgraded while another writes. */
  #write<T>(writing: () => T): T {
    return this.#guarded(() => this.#connection.transaction(writing).immediate());
  }

  #guarded<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw storeError(error, this.path);
    }
  }
}
