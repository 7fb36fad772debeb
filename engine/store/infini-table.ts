import type { Connection } from "./connection.ts";

/** A stored compressive memory, and how many times each segment is in it. */
export interface StoredMemory {
  /** Counts up with each write; 0 where nothing is stored. */
  revision: number;
  /** The sums as their owner wrote them; undefined where nothing is stored. */
  sums: Uint8Array | undefined;
  held: Map<number, number>;
}

/** Live blocks of a segment, in order. */
export interface SegmentBlock {
  id: number;
  tokens: number;
}

/** Runs a transaction, its errors made into the store's own. */
type Transaction = <T>(steps: () => T) => T;

/**
 * The memory of the strategy `infini`: one row of constant size, and which segments are in it. A segment's own share is not kept: it is
 * made again from its blocks when it has to be taken out.
 */
export class InfiniTable {
  readonly #transaction: Transaction;
  readonly #load;
  readonly #held;
  readonly #live;
  readonly #blocks;
  readonly #save;
  readonly #hold;
  readonly #release;
  readonly #dropOthers;

  constructor(connection: Connection, transaction: Transaction) {
    this.#transaction = transaction;
    this.#load = connection.prepare<[string], { revision: number; sums: Uint8Array }>(
      "SELECT revision, sums FROM infini_memories WHERE version = ?",
    );
    this.#held = connection
      .prepare<[string], [number, number]>("SELECT segment, copies FROM infini_segments WHERE version = ?")
      .raw();
    this.#live = connection
      .prepare<[], [number, number]>("SELECT segment, count(*) FROM file_segments GROUP BY segment ORDER BY segment")
      .raw();
    this.#blocks = connection.prepare<[number], SegmentBlock>(
      "SELECT id, tokens FROM blocks WHERE segment = ? ORDER BY ordinal",
    );
    this.#save = connection.prepare<{ version: string; revision: number; sums: Uint8Array }>(
      `INSERT INTO infini_memories (version, revision, sums) VALUES (:version, 1, :sums)
       ON CONFLICT (version) DO UPDATE SET revision = revision + 1, sums = excluded.sums WHERE revision = :revision`,
    );
    this.#hold = connection.prepare<{ version: string; segment: number; copies: number }>(
      `INSERT INTO infini_segments (version, segment, copies) VALUES (:version, :segment, :copies)
       ON CONFLICT (version, segment) DO UPDATE SET copies = excluded.copies`,
    );
    this.#release = connection.prepare<{ version: string; segment: number }>(
      "DELETE FROM infini_segments WHERE version = :version AND segment = :segment",
    );
    this.#dropOthers = connection.prepare<[string]>("DELETE FROM infini_memories WHERE version <> ?");
  }

  /** The memory that weights of this version have made. */
  load(version: string): StoredMemory {
    return this.#transaction(() => {
      const { revision, sums } = this.#load.get(version) ?? { revision: 0, sums: undefined };
      return { revision, sums, held: new Map(this.#held.all(version)) };
    });
  }

  /** Every segment that files consist of, and how many times. */
  live(): Map<number, number> {
    return this.#transaction(() => new Map(this.#live.all()));
  }

  /** A segment's blocks, also of one that no file holds any more; none where it was pruned. */
  blocksOf(segment: number): SegmentBlock[] {
    return this.#transaction(() => this.#blocks.all(segment));
  }

  /**
   * Replaces the memory and what changed of its segments; memories of other versions go. False, and nothing is written, where
   * another process has written since `revision`.
   */
  save(version: string, { revision, sums, held }: StoredMemory & { sums: Uint8Array }): boolean {
    return this.#transaction(() => {
      if (this.#save.run({ version, revision, sums }).changes === 0) return false;
      for (const [segment, copies] of held) {
        if (copies > 0) this.#hold.run({ version, segment, copies });
        else this.#release.run({ version, segment });
      }
      this.#dropOthers.run(version);
      return true;
    });
  }
}
