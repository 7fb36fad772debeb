import type { Connection } from "./connection.ts";

/** The keys and values of a file's header tokens, encoded. */
export interface NewHeader {
  /** Content key: equal headers share one row. */
  key: string;
  tokens: number;
  codec: string;
  kv: Uint8Array;
}

/** One encoded block; lines count from 0 at the segment's first line, inclusive. */
export interface NewBlock {
  text: string;
  tokens: number;
  startLine: number;
  endLine: number;
  codec: string;
  kv: Uint8Array;
  /** What the look-up keeps of the block, and the version of the look-up that made it. */
  index: Uint8Array;
  indexVersion: string;
}

/** One encoded segment under its content key. */
export interface NewSegment {
  key: string;
  header: NewHeader;
  blocks: readonly NewBlock[];
}

/** Segments by content key, their blocks and headers. What a segment says is written once and never changes. */
export class SegmentTable {
  readonly #idOf;
  readonly #insertHeader;
  readonly #headerOf;
  readonly #insertSegment;
  readonly #insertBlock;
  readonly #insertKv;
  readonly #insertIndex;
  readonly #live;
  readonly #blocks;
  readonly #segmentOf;
  readonly #behind;
  readonly #siblings;
  readonly #remove;
  readonly #unused;
  readonly #removeUnusedHeaders;

  constructor(connection: Connection) {
    this.#idOf = connection.prepare<[string], number>("SELECT id FROM segments WHERE key = ?").pluck();
    this.#insertHeader = connection.prepare<[string, number, string, Uint8Array]>(
      "INSERT OR IGNORE INTO headers (key, tokens, codec, data) VALUES (?, ?, ?, ?)",
    );
    this.#headerOf = connection.prepare<[string], number>("SELECT id FROM headers WHERE key = ?").pluck();
    this.#insertSegment = connection.prepare<[string, number]>(
      "INSERT OR IGNORE INTO segments (key, header) VALUES (?, ?)",
    );
    this.#insertBlock = connection.prepare<[number | bigint, number, number, number, number, string]>(
      "INSERT INTO blocks (segment, ordinal, tokens, start_line, end_line, text) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#insertKv = connection.prepare<[number | bigint, string, Uint8Array]>(
      "INSERT INTO block_kv (block, codec, data) VALUES (?, ?, ?)",
    );
    this.#insertIndex = connection.prepare<[number | bigint, string, Uint8Array]>(
      "INSERT INTO block_index (block, version, data) VALUES (?, ?, ?)",
    );
    this.#live = connection.prepare<[number], number>("SELECT 1 FROM file_segments WHERE segment = ? LIMIT 1").pluck();
    this.#blocks = connection.prepare<[number], { id: number; text: string }>(
      "SELECT id, text FROM blocks WHERE segment = ? ORDER BY ordinal",
    );
    this.#segmentOf = connection.prepare<[number], number>("SELECT segment FROM blocks WHERE id = ?").pluck();
    this.#behind = connection.prepare<[number], number>("SELECT id FROM segments WHERE header = ?").pluck();
    this.#siblings = connection
      .prepare<[number], number>("SELECT id FROM segments WHERE header = (SELECT header FROM segments WHERE id = ?)")
      .pluck();
    this.#remove = connection.prepare<[number]>("DELETE FROM segments WHERE id = ?");
    this.#unused = connection
      .prepare<[], number>("SELECT id FROM segments WHERE id NOT IN (SELECT segment FROM file_segments)")
      .pluck();
    this.#removeUnusedHeaders = connection.prepare("DELETE FROM headers WHERE id NOT IN (SELECT header FROM segments)");
  }

  idOf(key: string): number | undefined {
    return this.#idOf.get(key);
  }

  /** Adds a segment with all its blocks; one that is there already (another window was quicker) is left as it is. */
  put(segment: NewSegment): void {
    const { header } = segment;
    this.#insertHeader.run(header.key, header.tokens, header.codec, header.kv);
    const headerId = this.#headerOf.get(header.key);
    if (headerId === undefined) throw new Error("the header was not written");
    const added = this.#insertSegment.run(segment.key, headerId);
    if (added.changes === 0) return;
    for (const [ordinal, block] of segment.blocks.entries()) this.#putBlock(added.lastInsertRowid, ordinal, block);
  }

  #putBlock(segment: number | bigint, ordinal: number, block: NewBlock): void {
    const { tokens, startLine, endLine, text } = block;
    const id = this.#insertBlock.run(segment, ordinal, tokens, startLine, endLine, text).lastInsertRowid;
    this.#insertKv.run(id, block.codec, block.kv);
    this.#insertIndex.run(id, block.indexVersion, block.index);
  }

  /** Whether some file consists of this segment. */
  isLive(segment: number): boolean {
    return this.#live.get(segment) !== undefined;
  }

  blocksOf(segment: number): { id: number; text: string }[] {
    return this.#blocks.all(segment);
  }

  segmentOf(block: number): number | undefined {
    return this.#segmentOf.get(block);
  }

  /** Segments that were encoded behind a header. */
  behind(header: number): number[] {
    return this.#behind.all(header);
  }

  /** The segment and all others behind its header: those of the same file, also of its earlier versions. */
  siblings(segment: number): number[] {
    return this.#siblings.all(segment);
  }

  /** Removes a segment, its blocks and, where no other segment needs it, its header. */
  remove(segments: readonly number[]): void {
    for (const segment of segments) this.#remove.run(segment);
    if (segments.length > 0) this.#removeUnusedHeaders.run();
  }

  /** Segments that no file lists any more. */
  unused(): number[] {
    return this.#unused.all();
  }
}
