import type { Connection } from "./connection.ts";
import type { IndexTable } from "./index-table.ts";

/** A live block and where it stands now. */
export interface PlacedBlock {
  id: number;
  path: string;
  /** 1-based and inclusive, of the file. */
  startLine: number;
  endLine: number;
  tokens: number;
  /** The header that the block was encoded behind. */
  header: number;
  segment: number;
}

/** Encoded keys and values, as the codec left them. */
export interface StoredKv {
  codec: string;
  data: Uint8Array;
}

/** A live segment as text: what it takes to run it through the model again. */
export interface StoredSegment {
  /** Its content key, and that of the header which it was encoded behind. */
  key: string;
  headerKey: string;
  /** Of a file that it is part of; all of them have the same header. */
  path: string;
  /** In order. */
  blocks: { id: number; text: string }[];
}

/** What is in memory: live files, segments, blocks and tokens. */
export interface MemoryTotals {
  files: number;
  segments: number;
  blocks: number;
  tokens: number;
}

interface PlacedRow {
  id: number;
  path: string;
  start_line: number;
  end_line: number;
  tokens: number;
  header: number;
  segment: number;
}

interface SegmentRow {
  key: string;
  headerKey: string;
  path: string;
  id: number;
  text: string;
}

const PLACED = `
  SELECT b.id, f.path, p.start_line + b.start_line AS start_line, p.start_line + b.end_line AS end_line,
         b.tokens, s.header, b.segment
  FROM files f JOIN file_segments p ON p.file = f.id JOIN segments s ON s.id = p.segment JOIN blocks b ON b.segment = s.id`;

/** Reads blocks. Nothing that is not live is ever listed; blobs are fetched by id. */
export class BlockReader {
  readonly #placed;
  readonly #placesOf;
  readonly #index: IndexTable;
  readonly #segment;
  readonly #kv;
  readonly #header;
  readonly #text;
  readonly #totals;
  readonly #fileText;

  constructor(connection: Connection, index: IndexTable) {
    this.#placed = connection.prepare<[], PlacedRow>(`${PLACED} ORDER BY f.path, p.ordinal, b.ordinal`);
    this.#placesOf = connection.prepare<[number], PlacedRow>(
      `${PLACED} WHERE b.id = ? ORDER BY f.path, p.ordinal LIMIT 1`,
    );
    this.#index = index;
    this.#segment = connection.prepare<[number], SegmentRow>(
      `SELECT s.key, h.key AS headerKey, f.path, o.id, o.text
       FROM blocks b JOIN segments s ON s.id = b.segment JOIN headers h ON h.id = s.header
       JOIN files f ON f.id = (SELECT file FROM file_segments WHERE segment = s.id LIMIT 1)
       JOIN blocks o ON o.segment = s.id WHERE b.id = ? ORDER BY o.ordinal`,
    );
    this.#kv = connection.prepare<[number], StoredKv>("SELECT codec, data FROM block_kv WHERE block = ?");
    this.#header = connection.prepare<[number], StoredKv>("SELECT codec, data FROM headers WHERE id = ?");
    this.#text = connection.prepare<[number], string>("SELECT text FROM blocks WHERE id = ?").pluck();
    this.#fileText = connection
      .prepare<[string], string | null>(
        `SELECT b.text FROM files f LEFT JOIN file_segments p ON p.file = f.id LEFT JOIN blocks b ON b.segment = p.segment
         WHERE f.path = ? ORDER BY p.ordinal, b.ordinal`,
      )
      .pluck();
    this.#totals = connection.prepare<[], MemoryTotals>(
      `SELECT (SELECT count(*) FROM files) AS files, (SELECT count(*) FROM file_segments) AS segments,
              count(b.id) AS blocks, ifnull(sum(b.tokens), 0) AS tokens
       FROM file_segments p JOIN blocks b ON b.segment = p.segment`,
    );
  }

  /** Every live block in file order. Text that occurs twice under one header is one block with two places. */
  placed(): PlacedBlock[] {
    return this.#placed.all().map(toPlaced);
  }

  /** The (first) place of each block that is live; others are left out. */
  locate(ids: readonly number[]): PlacedBlock[] {
    return ids.flatMap((id) => this.#placesOf.all(id)).map(toPlaced);
  }

  /** The look-up's data of every live block that has it in this version, by id. Do not write to the store while iterating. */
  indexEntries(version: string): IterableIterator<[block: number, data: Uint8Array]> {
    return this.#index.entries(version);
  }

  /** The look-up's data of one block, where it has it in this version. */
  indexEntry(version: string, block: number): Uint8Array | undefined {
    return this.#index.entry(version, block);
  }

  /** Live blocks that lack an index entry of this version, those of a segment together; at most `limit`. */
  staleIndex(version: string, limit: number): number[] {
    return this.#index.stale(version, limit);
  }

  /** The segments of these blocks, each once. Blocks that are not live are left out. */
  segmentsOf(blocks: readonly number[]): StoredSegment[] {
    const found = new Map<string, StoredSegment>();
    for (const block of blocks) {
      const rows = this.#segment.all(block);
      const [first] = rows;
      if (first === undefined) continue;
      const { key, headerKey, path } = first;
      found.set(key, { key, headerKey, path, blocks: rows.map(({ id, text }) => ({ id, text })) });
    }
    return [...found.values()];
  }

  kv(block: number): StoredKv | undefined {
    return this.#kv.get(block);
  }

  headerKv(header: number): StoredKv | undefined {
    return this.#header.get(header);
  }

  text(block: number): string | undefined {
    return this.#text.get(block);
  }

  /** A live file's whole text; undefined for a path that no live file has. */
  fileText(path: string): string | undefined {
    const texts = this.#fileText.all(path);
    return texts.length === 0 ? undefined : texts.join("");
  }

  totals(): MemoryTotals {
    return this.#totals.get() ?? { files: 0, segments: 0, blocks: 0, tokens: 0 };
  }
}

function toPlaced(row: PlacedRow): PlacedBlock {
  const { start_line: startLine, end_line: endLine, ...rest } = row;
  return { ...rest, startLine, endLine };
}
