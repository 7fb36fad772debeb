import type { Segment, SegmentInput } from "../blocks/block.ts";
import type { FileRecord } from "../store/file-table.ts";
import type { NewSymbol } from "../store/symbol-table.ts";

/** A file that was read and cut, and which of its segments the store lacks. */
export interface PreparedFile {
  file: FileRecord;
  header: Int32Array;
  segments: readonly PreparedSegment[];
  /** Those not yet in the store. */
  missing: PreparedSegment[];
}

/** A segment with its content key and its first line (1-based). */
export interface PreparedSegment {
  key: string;
  startLine: number;
  segment: Segment;
  /** Of its blocks. */
  tokens: number;
  symbols: readonly NewSymbol[];
}

/** What one run of the model is given: each key once. */
export type SegmentBatch = Map<string, SegmentInput>;

/** Files in work, and the segments that they still need. Files are served in order, urgent ones first. */
export class PendingSegments {
  #files: PreparedFile[] = [];

  add(file: PreparedFile, urgent: boolean): void {
    this.drop(file.file.path);
    if (urgent) this.#files.unshift(file);
    else this.#files.push(file);
  }

  /** Forgets a file, as its content is out of date. */
  drop(path: string): void {
    this.#files = this.#files.filter(({ file }) => file.path !== path);
  }

  clear(): void {
    this.#files = [];
  }

  get isEmpty(): boolean {
    return this.#files.length === 0;
  }

  /** The file that is served first. */
  get first(): string | undefined {
    return this.#files[0]?.file.path;
  }

  /** Tokens that still have to be encoded. */
  get tokens(): number {
    return this.#files.reduce((sum, { missing }) => sum + missing.reduce((part, { tokens }) => part + tokens, 0), 0);
  }

  /** The first missing segment and those after it that still fit into `limit` tokens, headers counted. */
  nextBatch(limit: number): SegmentBatch {
    const batch: SegmentBatch = new Map();
    let room = limit;
    for (const { header, missing } of this.#files) {
      for (const { key, segment, tokens } of missing) {
        const size = header.length + tokens;
        if (batch.has(key) || (batch.size > 0 && size > room)) continue;
        batch.set(key, { header, segment });
        room -= size;
        if (room <= 0) return batch;
      }
    }
    return batch;
  }

  /** Takes segments off the lists for good; they are in the store. */
  markStored(keys: ReadonlySet<string>): void {
    for (const file of this.#files) file.missing = file.missing.filter(({ key }) => !keys.has(key));
  }

  /** The files that lack nothing but what is in `keys`. */
  completedBy(keys: ReadonlySet<string>): PreparedFile[] {
    return this.#files.filter(({ missing }) => missing.every(({ key }) => keys.has(key)));
  }
}
