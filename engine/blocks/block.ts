/** A block is at most this many consecutive tokens of one segment, cut at line ends where lines allow. */
export const BLOCK_TOKENS = 128;

/** The dimensions of a model's keys and values. */
export interface KvShape {
  layers: number;
  kvHeads: number;
  headDim: number;
}

/**
 * Keys and values of consecutive tokens, one array a layer, each row-major [tokens, kvHeads * headDim].
 * Keys are un-rotated: rope is applied when a block enters the window.
 */
export interface LayerKv {
  keys: Float32Array[];
  values: Float32Array[];
}

/** One block of a segment, before it has a place in the store. Lines are 1-based, inclusive, of the file. */
export interface BlockText {
  text: string;
  /** Token ids of `text`, at most `BLOCK_TOKENS`. */
  tokens: Int32Array;
  startLine: number;
  endLine: number;
}

/** The part of a file that is encoded in one pass behind prefix and header; sees nothing else of the file. */
export interface Segment {
  blocks: BlockText[];
}

/** What the model computed for one segment (and its file's header). Arrays are only valid until the next call. */
export interface EncodedSegment {
  /** Keys and values of the header's tokens: rows [0, headerTokens) of `kv`; the blocks follow in order. */
  headerTokens: number;
  kv: LayerKv;
  /** First row of this segment's header in `kv`. */
  row: number;
  /** What the look-up keeps of each block, ready to be stored; one entry a block. */
  index: Uint8Array[];
}

/** A file's header and one of its segments, as tokens. */
export interface SegmentInput {
  header: Int32Array;
  segment: Segment;
}

/** Runs segments through the model; implemented by `inference/prefill.ts`. */
export interface SegmentEncoder {
  /** Names everything that the result depends on besides the text: weights, tokenizer, prefix, graph version. */
  readonly key: string;
  /** Names what index entries depend on besides that; entries of another version are made anew, keys and values stay. */
  readonly indexVersion: string;
  readonly shape: KvShape;
  /** Header and blocks of one segment together have at most this many tokens. */
  readonly maxSegmentTokens: number;
  /** Tokens that one call should hold for full speed; more segments are split by the caller. */
  readonly batchTokens: number;
  /** The header that a file's segments stand behind. */
  header(path: string): Int32Array;
  /** The token ids of a piece of text, as the segmenter cuts it. */
  tokenize(text: string): Int32Array;
  encode(inputs: readonly SegmentInput[]): Promise<EncodedSegment[]>;
}
