import type { Connection } from "./connection.ts";

/** One block's keys and values, encoded. */
export interface KvEntry {
  block: number;
  codec: string;
  kv: Uint8Array;
}

/** A block and the size of its encoded keys and values. */
interface SizedBlock {
  block: number;
  bytes: number;
}

/** Encoded keys and values, and when a question last had them in its window. A block may be without. */
export class KvTable {
  readonly #has;
  readonly #put;
  readonly #remove;
  readonly #use;
  readonly #spare;
  readonly #leastUsed;

  constructor(connection: Connection) {
    this.#has = connection.prepare<[number], number>("SELECT 1 FROM block_kv WHERE block = ?").pluck();
    // The block may have been pruned meanwhile, or another window was quicker: then nothing is written.
    this.#put = connection.prepare<[KvEntry]>(
      "INSERT OR IGNORE INTO block_kv (block, codec, data) SELECT id, :codec, :kv FROM blocks WHERE id = :block",
    );
    this.#remove = connection.prepare<[number]>("DELETE FROM block_kv WHERE block = ?");
    this.#use = connection.prepare<{ block: number; at: number }>(
      `INSERT INTO block_use (block, used_at) SELECT id, :at FROM blocks WHERE id = :block
       ON CONFLICT (block) DO UPDATE SET used_at = max(used_at, excluded.used_at)`,
    );
    this.#spare = connection.prepare<[number], SizedBlock>(
      `SELECT k.block, length(k.data) AS bytes FROM block_kv k JOIN blocks b ON b.id = k.block
       WHERE NOT EXISTS (SELECT 1 FROM file_segments WHERE segment = b.segment) ORDER BY k.block LIMIT ?`,
    );
    this.#leastUsed = connection.prepare<[number], SizedBlock>(
      `SELECT k.block, length(k.data) AS bytes FROM block_kv k LEFT JOIN block_use u ON u.block = k.block
       ORDER BY ifnull(u.used_at, 0), k.block DESC LIMIT ?`,
    );
  }

  has(block: number): boolean {
    return this.#has.get(block) !== undefined;
  }

  put(entry: KvEntry): void {
    this.#put.run(entry);
  }

  remove(block: number): void {
    this.#remove.run(block);
  }

  /** @param at in ms since 1970 */
  use(block: number, at: number): void {
    this.#use.run({ block, at });
  }

  /** Blocks with keys and values that no file holds (any more), the oldest first; at most `limit`. */
  spare(limit: number): SizedBlock[] {
    return this.#spare.all(limit);
  }

  /**
   * Blocks with keys and values, those that no question needed first, then the least recently used; at most `limit`. What was read first
   * is what people work on: of equals it goes last.
   */
  leastUsed(limit: number): SizedBlock[] {
    return this.#leastUsed.all(limit);
  }
}
