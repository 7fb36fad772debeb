import type { Segment, SegmentInput } from "../blocks/block.ts";
import type { FileRecord } from "../store/file-table.ts";
import type { NewSymbol } from "../store/symbol-table.ts";
import type { Tier } from "./ingest-queue.ts";

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

/** Files in work, and the segments that they still need. Served by tier, within one in order. */
export class PendingSegments {
  #files: { prepared: PreparedFile; tier: Tier }[] = [];

  add(prepared: PreparedFile, tier: Tier): void {
    this.drop(prepared.file.path);
    const behind = this.#files.findIndex((other) => other.tier > tier);
    this.#files.splice(behind < 0 ? this.#files.length : behind, 0, { prepared, tier });
  }

  /** Forgets a file, as its content is out of date. */
  drop(path: string): void {
    this.#files = this.#files.filter(({ prepared }) => prepared.file.path !== path);
  }

  /** Takes all files out and returns the paths of those in `tier`. */
  clear(tier: Tier): string[] {
    const paths = this.pathsIn(tier);
    this.#files = [];
    return paths;
  }

  /** Moves the files of one tier to another. */
  relegate(from: Tier, to: Tier): void {
    for (const { prepared } of this.#files.filter(({ tier }) => tier === from)) this.add(prepared, to);
  }

  pathsIn(tier: Tier): string[] {
    return this.#files.filter((file) => file.tier === tier).map(({ prepared }) => prepared.file.path);
  }

  /** The tier that is served first; undefined when nothing is pending. */
  get firstTier(): Tier | undefined {
    return this.#files[0]?.tier;
  }

  /** The file that is served first. */
  get first(): string | undefined {
    return this.#files[0]?.prepared.file.path;
  }

  /** Tokens that still have to be encoded, in all or in one tier. */
  tokens(tier?: Tier): number {
    const counted = tier === undefined ? this.#files : this.#files.filter((file) => file.tier === tier);
    return counted.reduce((sum, { prepared }) => sum + tokensOf(prepared.missing), 0);
  }

  /** Tokens of whole files: none of them is in memory in its present form. */
  get fileTokens(): number {
    return this.#files.reduce((sum, { prepared }) => sum + tokensOf(prepared.segments), 0);
  }

  /**
   * The first missing segment and those after it in its tier that still fit into `limit` tokens, headers counted: what is
   * urgent must not wait for what is not.
   */
  nextBatch(limit: number): SegmentBatch {
    const batch: SegmentBatch = new Map();
    const { firstTier } = this;
    let room = limit;
    for (const { prepared, tier } of this.#files) {
      if (tier !== firstTier) break;
      for (const { key, segment, tokens } of prepared.missing) {
        const size = prepared.header.length + tokens;
        if (batch.has(key) || (batch.size > 0 && size > room)) continue;
        batch.set(key, { header: prepared.header, segment });
        room -= size;
        if (room <= 0) return batch;
      }
    }
    return batch;
  }

  /** Takes segments off the lists for good; they are in the store. */
  markStored(keys: ReadonlySet<string>): void {
    for (const { prepared } of this.#files) prepared.missing = prepared.missing.filter(({ key }) => !keys.has(key));
  }

  /** The files that lack nothing but what is in `keys`. */
  completedBy(keys: ReadonlySet<string>): PreparedFile[] {
    return this.#files
      .filter(({ prepared }) => prepared.missing.every(({ key }) => keys.has(key)))
      .map(({ prepared }) => prepared);
  }
}

function tokensOf(segments: readonly PreparedSegment[]): number {
  return segments.reduce((sum, { tokens }) => sum + tokens, 0);
}
