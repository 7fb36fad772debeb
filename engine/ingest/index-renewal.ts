import type { SegmentEncoder, SegmentInput } from "../blocks/block.ts";
import { segmentKey } from "../blocks/content-key.ts";
import type { StoredSegment } from "../store/block-reader.ts";
import type { IndexEntry } from "../store/index-table.ts";
import type { Store } from "../store/store.ts";

/** Blocks of one step: about two runs of the model, so that nobody waits long behind it. */
const STEP_BLOCKS = 8;

/**
 * Makes index entries again that another version of the look-up made. Keys and values stay; until its entry is renewed, a block
 * is found by words and names alone.
 */
export class IndexRenewal {
  readonly #store: Store;
  readonly #encoder: SegmentEncoder;

  constructor(store: Store, encoder: SegmentEncoder) {
    this.#store = store;
    this.#encoder = encoder;
  }

  /** Whether all live blocks have entries of this version. */
  get isDone(): boolean {
    const { indexVersion } = this.#encoder;
    return this.#store.read((blocks) => blocks.staleIndex(indexVersion, 1)).length === 0;
  }

  /** Renews some blocks' entries; the number of their tokens, 0 where all are of this version. */
  async step(): Promise<number> {
    const { indexVersion } = this.#encoder;
    const stale = this.#store.read((blocks) => blocks.segmentsOf(blocks.staleIndex(indexVersion, STEP_BLOCKS)));
    let tokens = 0;
    for (const segment of stale) {
      const input = this.#inputOf(segment);
      this.#store.putIndex(indexVersion, await this.#entries(segment, input));
      tokens += input.segment.blocks.reduce((sum, block) => sum + block.tokens.length, 0);
    }
    return tokens;
  }

  async #entries(segment: StoredSegment, input: SegmentInput): Promise<IndexEntry[]> {
    // Text that is cut differently today has no entry: it goes with the next reading of its file.
    const isSame = segmentKey(this.#encoder.key, input.header, input.segment) === segment.key;
    const [encoded] = isSame ? await this.#encoder.encode([input]) : [];
    return segment.blocks.map(({ id }, i) => ({ block: id, data: encoded?.index[i] ?? new Uint8Array(0) }));
  }

  #inputOf({ path, blocks }: StoredSegment): SegmentInput {
    const cut = blocks.map(({ text }) => ({ text, tokens: this.#encoder.tokenize(text), startLine: 1, endLine: 1 }));
    return { header: this.#encoder.header(path), segment: { blocks: cut } };
  }
}
