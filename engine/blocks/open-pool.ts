import type { Store } from "../store/store.ts";
import { BLOCK_TOKENS, type KvShape } from "./block.ts";
import { BlockPool, type BlockPoolOptions } from "./block-pool.ts";
import { ColdTier } from "./cold-tier.ts";

interface PoolOptions extends Omit<BlockPoolOptions, "blockBytes"> {
  log: (line: string) => void;
}

/** A pool over one store's blocks, with `ramBytes` at least: a lease of the most blocks always fits, whatever their codec. */
export function openPool(store: Store, shape: KvShape, { log, maxLeaseBlocks, ramBytes }: PoolOptions): BlockPool {
  // The largest codec keeps 2 bytes a number, of keys and of values.
  const blockBytes = 2 * 2 * BLOCK_TOKENS * shape.layers * shape.kvHeads * shape.headDim;
  const enough = Math.max(ramBytes, 2 * maxLeaseBlocks * blockBytes);
  return new BlockPool(new ColdTier(store, shape, log), { ramBytes: enough, maxLeaseBlocks, blockBytes });
}
