import type { Connection } from "./connection.ts";

/** What the look-up keeps of one block, made by some version of it. */
export interface IndexEntry {
  block: number;
  data: Uint8Array;
}

const LIVE = "SELECT b.id FROM file_segments p JOIN blocks b ON b.segment = p.segment";

/** The look-up's data of each block. Unlike keys and values it is made anew when the look-up's projections change. */
export class IndexTable {
  readonly #put;
  readonly #entries;
  readonly #entry;
  readonly #stale;

  constructor(connection: Connection) {
    // A block may have been pruned by another process since it was read: then nothing is written.
    this.#put = connection.prepare<[IndexEntry & { version: string }]>(
      `INSERT INTO block_index (block, version, data) SELECT id, :version, :data FROM blocks WHERE id = :block
       ON CONFLICT (block) DO UPDATE SET version = excluded.version, data = excluded.data`,
    );
    this.#entries = connection
      .prepare<[string], [number, Uint8Array]>(
        `SELECT block, data FROM block_index WHERE version = ? AND block IN (${LIVE}) ORDER BY block`,
      )
      .raw();
    this.#entry = connection
      .prepare<[string, number], Uint8Array>("SELECT data FROM block_index WHERE version = ? AND block = ?")
      .pluck();
    this.#stale = connection
      .prepare<{ version: string; limit: number }, number>(
        `SELECT DISTINCT b.id FROM file_segments p JOIN blocks b ON b.segment = p.segment
         WHERE b.id NOT IN (SELECT block FROM block_index WHERE version = :version) ORDER BY b.segment, b.ordinal LIMIT :limit`,
      )
      .pluck();
  }

  put(version: string, entry: IndexEntry): void {
    this.#put.run({ ...entry, version });
  }

  /** Entries of live blocks, by id. Do not write to the store while iterating. */
  entries(version: string): IterableIterator<[block: number, data: Uint8Array]> {
    return this.#entries.iterate(version);
  }

  /** One block's entry, where it has one of this version. */
  entry(version: string, block: number): Uint8Array | undefined {
    return this.#entry.get(version, block);
  }

  /** Live blocks without an entry of this version, those of a segment together; at most `limit`. */
  stale(version: string, limit: number): number[] {
    return this.#stale.all({ version, limit });
  }
}
