import type { Connection } from "./connection.ts";

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

const PLACED = `
  SELECT b.id, f.path, p.start_line + b.start_line AS start_line, p.start_line + b.end_line AS end_line,
         b.tokens, s.header, b.segment
  FROM files f JOIN file_segments p ON p.file = f.id JOIN segments s ON s.id = p.segment JOIN blocks b ON b.segment = s.id`;

/** Reads blocks. Nothing that is not live is ever listed; blobs are fetched by id. */
export class BlockReader {
  readonly #placed;
  readonly #placesOf;
  readonly #index;
  readonly #kv;
  readonly #header;
  readonly #text;
  readonly #totals;

  constructor(connection: Connection) {
    this.#placed = connection.prepare<[], PlacedRow>(`${PLACED} ORDER BY f.path, p.ordinal, b.ordinal`);
    this.#placesOf = connection.prepare<[number], PlacedRow>(
      `${PLACED} WHERE b.id = ? ORDER BY f.path, p.ordinal LIMIT 1`,
    );
    this.#index = connection
      .prepare<[], [number, Uint8Array]>(
        `SELECT i.block, i.data FROM block_index i JOIN blocks b ON b.id = i.block
         WHERE b.segment IN (SELECT segment FROM file_segments) ORDER BY i.block`,
      )
      .raw();
    this.#kv = connection.prepare<[number], StoredKv>("SELECT codec, data FROM block_kv WHERE block = ?");
    this.#header = connection.prepare<[number], StoredKv>("SELECT codec, data FROM headers WHERE id = ?");
    this.#text = connection.prepare<[number], string>("SELECT text FROM blocks WHERE id = ?").pluck();
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

  /** The look-up's data of every live block, by id. Do not write to the store while iterating. */
  indexEntries(): IterableIterator<[block: number, data: Uint8Array]> {
    return this.#index.iterate();
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

  totals(): MemoryTotals {
    return this.#totals.get() ?? { files: 0, segments: 0, blocks: 0, tokens: 0 };
  }
}

function toPlaced(row: PlacedRow): PlacedBlock {
  const { start_line: startLine, end_line: endLine, ...rest } = row;
  return { ...rest, startLine, endLine };
}
