import type { Connection } from "./connection.ts";
import { FileTable } from "./file-table.ts";
import type { FileRecord, SegmentPlace } from "./file-table.ts";
import type { LexicalTable } from "./lexical-table.ts";
import type { SegmentTable } from "./segment-table.ts";
import type { NewSymbol, SymbolTable } from "./symbol-table.ts";

/** One segment of a file. */
interface CommittedSegment {
  key: string;
  /** 1-based line of the file. */
  startLine: number;
  /** What the segment defines. That depends on the rest of the file too, and is written anew with every version of it. */
  symbols?: readonly NewSymbol[];
}

/** A file whose segments are all in the store (or in the same commit). */
export interface FileCommit {
  file: FileRecord;
  /** In file order. */
  segments: readonly CommittedSegment[];
  /** The words of a block's text that the lexical look-up finds it by. */
  words: (text: string) => string[];
}

/**
 * Which segments make up which files. A segment's words and symbols are there exactly while some file consists of it: nothing that
 * no file says any more is found. Every method must run within a transaction.
 */
export class LiveFiles {
  readonly table: FileTable;
  readonly #segments: SegmentTable;
  readonly #lexical: LexicalTable;
  readonly #symbols: SymbolTable;

  constructor(connection: Connection, segments: SegmentTable, lexical: LexicalTable, symbols: SymbolTable) {
    this.table = new FileTable(connection);
    this.#segments = segments;
    this.#lexical = lexical;
    this.#symbols = symbols;
  }

  /** Makes a file consist of its segments; false, and nothing is changed, where one of them is not in the store. */
  put({ file, segments, words }: FileCommit): boolean {
    const places: SegmentPlace[] = [];
    const defined = new Map<number, readonly NewSymbol[]>();
    for (const { key, startLine, symbols = [] } of segments) {
      const segment = this.#segments.idOf(key);
      if (segment === undefined) return false;
      places.push({ segment, startLine });
      // Text that stands twice in a file is one segment: its first place tells what it defines.
      if (!defined.has(segment)) defined.set(segment, symbols);
    }
    const before = this.table.segmentsOf(file.path);
    const born = [...new Set(places.map(({ segment }) => segment))].filter(
      (segment) => !this.#segments.isLive(segment),
    );
    this.table.put(file, places);
    for (const segment of born) {
      for (const { id, text } of this.#segments.blocksOf(segment)) this.#lexical.put(id, words(text));
    }
    for (const [segment, symbols] of defined) this.#symbols.put(segment, symbols);
    this.#unindexDead(before);
    return true;
  }

  /** Takes a file out of memory; its segments stay. */
  remove(path: string): void {
    const segments = this.table.segmentsOf(path);
    this.table.remove(path);
    this.#unindexDead(segments);
  }

  /** Deletes segments whose data is damaged; their files are to be read again. */
  drop(segments: readonly number[]): void {
    for (const segment of segments) {
      for (const { id } of this.#segments.blocksOf(segment)) this.#lexical.remove(id);
      this.table.markStale(segment);
    }
    this.#segments.remove(segments);
  }

  #unindexDead(segments: readonly number[]): void {
    for (const segment of segments) {
      if (this.#segments.isLive(segment)) continue;
      this.#symbols.remove(segment);
      for (const { id } of this.#segments.blocksOf(segment)) this.#lexical.remove(id);
    }
  }
}
