import type { Store } from "../store/store.ts";
import type { KvShape } from "./block.ts";
import { blockTokens, CorruptBlockError } from "./block-codec.ts";

/** Encoded keys and values as they lie in SQLite. What it hands out is whole: a damaged blob is dropped, to be made again. */
export class ColdTier {
  readonly #store: Store;
  readonly #shape: KvShape;
  readonly #log: (line: string) => void;

  constructor(store: Store, shape: KvShape, log: (line: string) => void) {
    this.#store = store;
    this.#shape = shape;
    this.#log = log;
  }

  /** A block's blob; undefined when it is gone or was damaged. */
  block(id: number): Uint8Array | undefined {
    const blob = this.#store.read((blocks) => blocks.kv(id))?.data;
    return blob && this.#whole(blob, () => this.#store.dropSegmentOf(id));
  }

  /** A header's blob; undefined when it is gone or was damaged. */
  header(id: number): Uint8Array | undefined {
    const blob = this.#store.read((blocks) => blocks.headerKv(id))?.data;
    return blob && this.#whole(blob, () => this.#store.dropHeader(id));
  }

  #whole(blob: Uint8Array, drop: () => void): Uint8Array | undefined {
    try {
      blockTokens(blob, this.#shape);
      return blob;
    } catch (error) {
      if (!(error instanceof CorruptBlockError)) throw error;
      this.#log(`${error.message} It is encoded again at the next ingestion.`);
      drop();
      return undefined;
    }
  }
}
