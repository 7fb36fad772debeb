import { BLOCK_TOKENS } from "../blocks/block.ts";
import type { Segment, SegmentEncoder } from "../blocks/block.ts";
import { segmentKey } from "../blocks/content-key.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import { nameWords, wordKey } from "../retrieval/words.ts";
import type { Store } from "../store/store.ts";
import type { NewSymbol } from "../store/symbol-table.ts";
import { DEFINITIONS_VERSION } from "./definition-finder.ts";
import type { DefinitionFinder } from "./definition-finder.ts";
import type { Definition } from "./grammar-thread.ts";
import type { PreparedFile, PreparedSegment } from "./pending-segments.ts";
import type { ReadText } from "./read-text.ts";
import { segmentText } from "./segmenter.ts";

/** Counts up when `segmentText` cuts the same text differently: files in older stores are then cut again. */
const SEGMENTER_VERSION = 1;

/** Cuts a file that was read into segments and finds out which of them the store lacks. */
export class FilePreparer {
  readonly #store: Store;
  readonly #encoder: SegmentEncoder;
  readonly #definitions: DefinitionFinder;

  constructor(store: Store, encoder: SegmentEncoder, definitions: DefinitionFinder) {
    this.#store = store;
    this.#encoder = encoder;
    this.#definitions = definitions;
    // Both the rules and the size decide where the cuts are.
    const rules = `segmenter ${SEGMENTER_VERSION}, definitions ${DEFINITIONS_VERSION}`;
    store.useLayout(`${rules}, ${encoder.maxSegmentTokens} tokens`);
  }

  async prepare(path: string, read: ReadText): Promise<PreparedFile> {
    const { contentHash, size, mtimeNs } = read;
    const header = this.#header(path);
    const cut = segmentText(read.text, this.#encoder.maxSegmentTokens - header.length, (text) =>
      this.#encoder.tokenize(text),
    );
    const definitions = await this.#definitions.find(path, read.text);
    const segments = cut.map((segment) => this.#withKey(header, segment, definitions));
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

  #withKey(header: Int32Array, segment: Segment, definitions: readonly Definition[]): PreparedSegment {
    const tokens = segment.blocks.reduce((sum, block) => sum + block.tokens.length, 0);
    const startLine = segment.blocks[0]?.startLine ?? 1;
    const symbols = symbolsOf(segment, definitions);
    return { key: segmentKey(this.#encoder.key, header, segment), startLine, segment, tokens, symbols };
  }
}

/** What is named on a segment's lines, with lines counted from its first: they stay true when it moves in its file. */
function symbolsOf({ blocks }: Segment, definitions: readonly Definition[]): NewSymbol[] {
  const [start, end] = [blocks[0]?.startLine ?? 1, blocks.at(-1)?.endLine ?? 0];
  const inside = definitions.filter(({ line }) => line >= start && line <= end);
  return inside.map(({ name, kind, line }) => ({ name, words: wordKey(nameWords(name)), kind, line: line - start }));
}
