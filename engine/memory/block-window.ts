/** An attention window filled with stored blocks: prefix, then each file's header and blocks, at packed positions. */
import { decodeBlock } from "../blocks/block-codec.ts";
import type { BlockPool } from "../blocks/block-pool.ts";
import { BLOCK_TOKENS, type KvShape, type LayerKv } from "../blocks/block.ts";
import type { FileGroup } from "../retrieval/select-blocks.ts";
import type { PlacedBlock } from "../store/block-reader.ts";

/** Where keys and values go: implemented by the attention window. */
interface KvSink {
  readonly length: number;
  append(kv: LayerKv, from: number, to: number, position: number): void;
  replace(slot: number, kv: LayerKv, from: number, to: number, position: number): void;
  close(from: number, to: number): void;
}

/** The slots [from, to) of a window that hold one block. */
export interface BlockSlots {
  block: PlacedBlock;
  from: number;
  to: number;
}

/** Decodes stored blocks into windows. */
export class BlockLoader {
  private readonly pool: BlockPool;
  private readonly shape: KvShape;
  /** One block or header, un-rotated; both have at most `BLOCK_TOKENS` tokens. */
  private readonly scratch: LayerKv;

  constructor(pool: BlockPool, shape: KvShape) {
    this.pool = pool;
    this.shape = shape;
    const numbers = BLOCK_TOKENS * shape.kvHeads * shape.headDim;
    const rows = () => Array.from({ length: shape.layers }, () => new Float32Array(numbers));
    this.scratch = { keys: rows(), values: rows() };
  }

  /** Appends groups of blocks to a window that holds the prefix. Blocks that are gone or damaged are left out. */
  load(groups: readonly FileGroup<PlacedBlock>[], window: KvSink): BlockSlots[] {
    using lease = this.pool.lease(groups.flatMap((group) => group.blocks));
    const slots: BlockSlots[] = [];
    for (const group of groups) {
      const header = lease.headers.get(group.header);
      if (!header) continue;
      this.append(window, header);
      for (const block of group.blocks) {
        const blob = lease.blocks.get(block.id);
        if (!blob) continue;
        const from = window.length;
        this.append(window, blob);
        slots.push({ block, from, to: window.length });
      }
    }
    return slots;
  }

  /**
   * Appends each block behind its file's header, all of them at the same positions: none is seen together with another.
   * Blocks that are gone or damaged are left out. The slots are those of header and block.
   */
  loadEach(blocks: readonly PlacedBlock[], window: KvSink): BlockSlots[] {
    using lease = this.pool.lease(blocks);
    const position = window.length;
    return blocks.flatMap((block): BlockSlots[] => {
      const [header, blob] = [lease.headers.get(block.header), lease.blocks.get(block.id)];
      if (!header || !blob) return [];
      const from = window.length;
      this.append(window, header, position);
      this.append(window, blob, position + window.length - from);
      return [{ block, from, to: window.length }];
    });
  }

  /**
   * Puts a block in the place of another, behind its file's header where there is room for that; what is left over of the slots
   * is closed. Returns the block's own slots; undefined, and nothing is changed, where it has more tokens or is gone.
   */
  replace(block: PlacedBlock, { from, to }: BlockSlots, window: KvSink): BlockSlots | undefined {
    using lease = this.pool.lease([block]);
    const [header, blob] = [lease.headers.get(block.header), lease.blocks.get(block.id)];
    if (!blob || block.tokens > to - from) return undefined;
    let at = from;
    if (header) {
      const tokens = decodeBlock(header, this.shape, this.scratch, 0);
      if (tokens + block.tokens <= to - from) {
        window.replace(at, this.scratch, 0, tokens, at);
        at += tokens;
      }
    }
    window.replace(at, this.scratch, 0, decodeBlock(blob, this.shape, this.scratch, 0), at);
    window.close(at + block.tokens, to);
    return { block, from: at, to: at + block.tokens };
  }

  private append(window: KvSink, blob: Uint8Array, position = window.length): void {
    const tokens = decodeBlock(blob, this.shape, this.scratch, 0);
    window.append(this.scratch, 0, tokens, position);
  }
}
