/** An attention window filled with stored blocks: prefix, then each file's header and blocks, at packed positions. */
import { CorruptBlockError, decodeBlock } from "../blocks/block-codec.ts";
import { BLOCK_TOKENS, type KvShape, type LayerKv } from "../blocks/block.ts";
import type { FileGroup } from "../retrieval/select-blocks.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";

/** Where keys and values go: implemented by the attention window. */
interface KvSink {
  readonly length: number;
  append(kv: LayerKv, from: number, to: number, position: number): void;
}

/** The slots [from, to) of a window that hold one block. */
export interface BlockSlots {
  block: PlacedBlock;
  from: number;
  to: number;
}

/** Rows of one layer that a header or a block can have at most. */
const SCRATCH_ROWS = 2 * BLOCK_TOKENS;

/** Reads stored blocks into windows. */
export class BlockLoader {
  private readonly store: Store;
  private readonly shape: KvShape;
  private readonly scratch: LayerKv;

  constructor(store: Store, shape: KvShape) {
    this.store = store;
    this.shape = shape;
    const rows = () => Array.from({ length: shape.layers }, () => new Float32Array(SCRATCH_ROWS * shape.kvHeads * shape.headDim));
    this.scratch = { keys: rows(), values: rows() };
  }

  /**
   * Appends groups of blocks to a window that holds the prefix. A block whose bytes are damaged is left out and dropped
   * from the store, to be encoded again.
   */
  load(groups: readonly FileGroup<PlacedBlock>[], window: KvSink): BlockSlots[] {
    const slots: BlockSlots[] = [];
    for (const group of groups) {
      this.append(window, () => this.store.read((blocks) => blocks.headerKv(group.header)));
      for (const block of group.blocks) {
        const from = window.length;
        if (this.append(window, () => this.store.read((blocks) => blocks.kv(block.id)))) {
          slots.push({ block, from, to: window.length });
        } else this.store.dropSegmentOf(block.id);
      }
    }
    return slots;
  }

  /** False when there was nothing to append, or it was damaged. */
  private append(window: KvSink, read: () => { data: Uint8Array } | undefined): boolean {
    const stored = read();
    if (!stored) return false;
    try {
      const tokens = decodeBlock(stored.data, this.shape, this.scratch, 0);
      window.append(this.scratch, 0, tokens, window.length);
      return true;
    } catch (error) {
      if (error instanceof CorruptBlockError) return false;
      throw error;
    }
  }
}
