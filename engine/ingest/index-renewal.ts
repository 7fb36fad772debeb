import type { SegmentEncoder } from "../blocks/block.ts";
import type { Store } from "../store/store.ts";
import { storedInput } from "./stored-input.ts";

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
      // Text that is cut differently today gets an empty entry: it goes with the next reading of its file.
      const input = storedInput(this.#encoder, segment);
      const [encoded] = input === undefined ? [] : await this.#encoder.encode([input]);
      const entries = segment.blocks.map(({ id }, i) => ({ block: id, data: encoded?.index[i] ?? new Uint8Array(0) }));
      this.#store.putIndex(indexVersion, entries);
      tokens += segment.blocks.reduce((sum, { text }) => sum + this.#encoder.tokenize(text).length, 0);
    }
    return tokens;
  }
}
