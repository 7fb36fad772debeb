import { BLOCK_TOKENS } from "../blocks/block.ts";
import type { Segment, SegmentEncoder } from "../blocks/block.ts";
import { segmentKey } from "../blocks/content-key.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { Store } from "../store/store.ts";
import type { PreparedFile, PreparedSegment } from "./pending-segments.ts";
import type { ReadText } from "./read-text.ts";
import { segmentText } from "./segmenter.ts";

/** Counts up when `segmentText` cuts the same text differently: files in older stores are then cut again. */
const SEGMENTER_VERSION = 1;

/** Cuts a file that was read into segments and finds out which of them the store lacks. */
export class FilePreparer {
  readonly #store: Store;
  readonly #encoder: SegmentEncoder;

  constructor(store: Store, encoder: SegmentEncoder) {
    this.#store = store;
    this.#encoder = encoder;
    // Both the rules and the size decide where the cuts are.
    store.useLayout(`segmenter ${SEGMENTER_VERSION}, ${encoder.maxSegmentTokens} tokens`);
  }

  prepare(path: string, read: ReadText): PreparedFile {
    const { contentHash, size, mtimeNs } = read;
    const header = this.#header(path);
    const cut = segmentText(read.text, this.#encoder.maxSegmentTokens - header.length, (text) =>
      this.#encoder.tokenize(text),
    );
    const segments = cut.map((segment) => this.#withKey(header, segment));
    const missing = segments.filter(({ key }) => !this.#store.hasSegment(key));
    return { file: { path, contentHash, size, mtimeNs }, header, segments, missing };
  }

  #header(path: string): Int32Array {
    const header = this.#encoder.header(path);
    if (this.#encoder.maxSegmentTokens - header.length >= BLOCK_TOKENS) return header;
    throw new RepoMemoryError("usage", {
      message: `the path's header has ${header.length} tokens, too many for this model`,
    });
  }

  #withKey(header: Int32Array, segment: Segment): PreparedSegment {
    const tokens = segment.blocks.reduce((sum, block) => sum + block.tokens.length, 0);
    const startLine = segment.blocks[0]?.startLine ?? 1;
    return { key: segmentKey(this.#encoder.key, header, segment), startLine, segment, tokens };
  }
}
