import { RepoMemoryError } from "../protocol/errors.ts";
import type { ColdTier } from "./cold-tier.ts";
import { RamTier } from "./ram-tier.ts";

/** A block and the header that it stands behind, by their ids in the store. */
export interface BlockRef {
  id: number;
  header: number;
}

/** Blobs that stay in memory until the lease is disposed of. */
export interface BlockLease {
  /** By block id, ready for `decodeBlock`. */
  readonly blocks: ReadonlyMap<number, Uint8Array>;
  /** By header id. */
  readonly headers: ReadonlyMap<number, Uint8Array>;
  /** Blocks that are gone or were damaged; they are not among `blocks`. */
  readonly missing: readonly number[];
  [Symbol.dispose](): void;
}

/** How much a pool holds and how much may be asked of it. */
export interface BlockPoolOptions {
  /** Bytes of encoded blobs kept in memory. */
  ramBytes: number;
  /** The most blocks that one look-up may choose. */
  maxLeaseBlocks: number;
  /** Bytes of the largest encoded block; a header is no larger. */
  blockBytes: number;
}

/** The way to a block's keys and values, wherever they are: it hides the tiers. A leased block cannot be evicted. */
export class BlockPool {
  readonly #cold: ColdTier;
  readonly #ram: RamTier;
  readonly #maxLeaseBlocks: number;

  /** Throws `usage` where the largest look-up, each block with a header of its own, would not fit. */
  constructor(cold: ColdTier, options: BlockPoolOptions) {
    const { ramBytes, maxLeaseBlocks, blockBytes } = options;
    if (2 * maxLeaseBlocks * blockBytes > ramBytes) {
      throw new RepoMemoryError("usage", {
        message: `A look-up of ${maxLeaseBlocks} blocks does not fit into a pool of ${ramBytes} bytes.`,
        remedy: "Give the pool more memory or choose fewer blocks.",
      });
    }
    this.#cold = cold;
    this.#ram = new RamTier(ramBytes);
    this.#maxLeaseBlocks = maxLeaseBlocks;
  }

  /** Keeps a block that is in the store already and likely to be asked for. Left out when leased blocks fill the pool. */
  admit(id: number, bytes: Uint8Array): void {
    this.#ram.put(blockKey(id), bytes);
  }

  /** Blocks and their headers, fetched where they are not in memory. Throws `out-of-memory` while other leases hold too much. */
  lease(refs: readonly BlockRef[]): BlockLease {
    if (refs.length > this.#maxLeaseBlocks)
      throw new RangeError(`${refs.length} blocks asked of ${this.#maxLeaseBlocks}`);
    const held: string[] = [];
    try {
      return this.#hold(refs, held);
    } catch (error) {
      this.#releaseAll(held);
      throw error;
    }
  }

  #hold(refs: readonly BlockRef[], held: string[]): BlockLease {
    const blocks = new Map<number, Uint8Array>();
    const headers = new Map<number, Uint8Array>();
    const missing: number[] = [];
    for (const { id, header } of refs) {
      const headerBlob = headers.get(header) ?? this.#fetch(headerKey(header), () => this.#cold.header(header), held);
      if (headerBlob !== undefined) headers.set(header, headerBlob);
      const blob = headerBlob && (blocks.get(id) ?? this.#fetch(blockKey(id), () => this.#cold.block(id), held));
      if (blob === undefined) missing.push(id);
      else blocks.set(id, blob);
    }
    return { blocks, headers, missing, [Symbol.dispose]: () => this.#releaseAll(held.splice(0)) };
  }

  #fetch(key: string, load: () => Uint8Array | undefined, held: string[]): Uint8Array | undefined {
    if (!this.#ram.has(key)) {
      const blob = load();
      if (blob === undefined) return undefined;
      if (!this.#ram.put(key, blob)) throw poolIsFull(this.#ram.capacity);
    }
    const leased = this.#ram.lease(key);
    if (leased !== undefined) held.push(key);
    return leased;
  }

  #releaseAll(keys: readonly string[]): void {
    for (const key of keys) this.#ram.release(key);
  }
}

function blockKey(id: number): string {
  return `block ${id}`;
}

function headerKey(id: number): string {
  return `header ${id}`;
}

function poolIsFull(capacity: number): RepoMemoryError {
  return new RepoMemoryError("out-of-memory", {
    message: `All ${capacity} bytes of the block pool are in use.`,
    meaning: "Too many questions are being answered at once.",
    remedy: "Wait for one to end.",
  });
}
