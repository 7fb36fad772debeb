import type { SegmentEncoder } from "../blocks/block.ts";
import { type CodecName, DEFAULT_CODEC } from "../blocks/block-codec.ts";
import type { StoredSegment } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";
import { BatchEncoder } from "./encode-batch.ts";
import { storedInput } from "./stored-input.ts";

/** Encodes blocks again whose keys and values had to make room (see `DiskBudget`). */
export class BlockRestorer {
  readonly #store: Store;
  readonly #encoder: SegmentEncoder;
  readonly #batches: BatchEncoder;

  constructor(store: Store, encoder: SegmentEncoder, codec: CodecName = DEFAULT_CODEC) {
    this.#store = store;
    this.#encoder = encoder;
    this.#batches = new BatchEncoder(encoder, codec);
  }

  /**
   * Gives those of these blocks that have none keys and values again, bit by bit the same as before, and notes that a question needs
   * the blocks. The other blocks of their segments, which are computed anyway, get theirs as well. Returns how many tokens were
   * encoded. Throws what the encoder and the store throw.
   */
  async restore(blocks: readonly number[], signal?: AbortSignal): Promise<number> {
    this.#store.noteUse(blocks);
    const without = this.#store.withoutKv(blocks);
    if (without.length === 0) return 0;
    let tokens = 0;
    for (const segment of this.#store.read((reader) => reader.segmentsOf(without))) {
      signal?.throwIfAborted();
      tokens += await this.#restoreSegment(segment);
    }
    return tokens;
  }

  async #restoreSegment(segment: StoredSegment): Promise<number> {
    const input = storedInput(this.#encoder, segment);
    if (input === undefined) {
      // Its file is read and cut anew at the next ingestion.
      this.#store.dropSegmentOf(segment.blocks[0]?.id ?? 0);
      return 0;
    }
    const [encoded] = await this.#batches.encode(new Map([[segment.key, input]]));
    const made = encoded?.blocks ?? [];
    const ids = segment.blocks.map(({ id }) => id);
    this.#store.putKv(made.map(({ codec, kv }, i) => ({ block: ids[i] ?? 0, codec, kv })));
    return made.reduce((sum, block) => sum + block.tokens, 0);
  }
}
