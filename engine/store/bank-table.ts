import type { Connection } from "./connection.ts";

/** One layer of a block's encoded keys and values. */
export interface BankEntry {
  block: number;
  data: Uint8Array;
}

/** Runs a transaction, its errors made into the store's own. */
type Transaction = <T>(steps: () => T) => T;

/**
 * The bank of the strategy `longmem`: of each block one layer, copied out of its keys and values. Those may be evicted; the
 * bank is small enough to stay.
 */
export class BankTable {
  readonly #transaction: Transaction;
  readonly #data;
  readonly #missing;
  readonly #put;

  constructor(connection: Connection, transaction: Transaction) {
    this.#transaction = transaction;
    this.#data = connection
      .prepare<{ block: number; layer: number }, Uint8Array>(
        "SELECT data FROM longmem_bank WHERE block = :block AND layer = :layer",
      )
      .pluck();
    this.#missing = connection
      .prepare<{ layer: number; limit: number }, number>(
        `SELECT DISTINCT b.id FROM file_segments p JOIN blocks b ON b.segment = p.segment
         WHERE NOT EXISTS (SELECT 1 FROM longmem_bank WHERE block = b.id AND layer = :layer) ORDER BY b.id LIMIT :limit`,
      )
      .pluck();
    // A block may have been pruned by another process since it was read: then nothing is written.
    this.#put = connection.prepare<[BankEntry & { layer: number }]>(
      `INSERT INTO longmem_bank (block, layer, data) SELECT id, :layer, :data FROM blocks WHERE id = :block
       ON CONFLICT (block) DO UPDATE SET layer = excluded.layer, data = excluded.data`,
    );
  }

  /** Live blocks that this layer of was not copied yet; at most `limit`. */
  missing(layer: number, limit: number): number[] {
    return this.#transaction(() => this.#missing.all({ layer, limit }));
  }

  /** What was copied of these blocks, in their order; undefined for those that were not or are gone. */
  read(layer: number, blocks: readonly number[]): (Uint8Array | undefined)[] {
    return this.#transaction(() => blocks.map((block) => this.#data.get({ block, layer })));
  }

  put(layer: number, entries: readonly BankEntry[]): void {
    this.#transaction(() => {
      for (const entry of entries) this.#put.run({ ...entry, layer });
    });
  }
}
