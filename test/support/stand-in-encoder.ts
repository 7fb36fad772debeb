import { createHash } from "node:crypto";

import type { EncodedSegment, KvShape, LayerKv, SegmentEncoder, SegmentInput } from "../../engine/blocks/block.ts";

/** Small, so that thousands of blocks are made in a moment. */
const SHAPE: KvShape = { layers: 2, kvHeads: 2, headDim: 8 };

/** Options of the stand-in, where a test needs others. */
export interface StandInOptions {
  maxSegmentTokens?: number;
  batchTokens?: number;
  shape?: KvShape;
  indexVersion?: string;
  /** Called with each batch before it is encoded. */
  onEncode?: (inputs: readonly SegmentInput[]) => void | Promise<void>;
}

/**
 * Takes the model's place where a test is about storing and not about what is stored: keys and values are a hash of
 * everything that the model would see, so that a mix-up of tokens, headers or rows shows.
 */
export class StandInEncoder implements SegmentEncoder {
  readonly key = "stand-in";
  readonly indexVersion: string;
  readonly shape: KvShape;
  readonly maxSegmentTokens: number;
  readonly batchTokens: number;
  /** Tokens of the blocks encoded so far. */
  encodedTokens = 0;
  readonly #onEncode: StandInOptions["onEncode"];

  constructor(options: StandInOptions = {}) {
    this.maxSegmentTokens = options.maxSegmentTokens ?? 512;
    this.batchTokens = options.batchTokens ?? 2048;
    this.indexVersion = options.indexVersion ?? "stand-in";
    this.shape = options.shape ?? SHAPE;
    this.#onEncode = options.onEncode;
  }

  header(path: string): Int32Array {
    return this.tokenize(`File: ${path}\n`);
  }

  /** Words, runs of blanks and single characters, each one token. */
  tokenize(text: string): Int32Array {
    const words = text.match(/\w{1,12}| +|[^]/gu) ?? [];
    return Int32Array.from(words, (word) => createHash("md5").update(word).digest().readInt32LE() & 0xffff);
  }

  async encode(inputs: readonly SegmentInput[]): Promise<EncodedSegment[]> {
    await this.#onEncode?.(inputs);
    const rows = inputs.reduce((sum, input) => sum + tokensOf(input).length, 0);
    const kv = emptyKv(this.shape, rows);
    let row = 0;
    return inputs.map((input) => {
      const tokens = tokensOf(input);
      const start = row;
      fill(kv, start, tokens, this.shape);
      row += tokens.length;
      this.encodedTokens += tokens.length - input.header.length;
      const index = input.segment.blocks.map((block) => Uint8Array.from(block.tokens, (token) => token & 255));
      return { headerTokens: input.header.length, kv, row: start, index };
    });
  }
}

/** Arrays of `rows` rows, all zero. */
export function emptyKv(shape: KvShape, rows: number): LayerKv {
  const arrays = (): Float32Array[] =>
    Array.from({ length: shape.layers }, () => new Float32Array(rows * shape.kvHeads * shape.headDim));
  return { keys: arrays(), values: arrays() };
}

function tokensOf({ header, segment }: SegmentInput): number[] {
  return [...header, ...segment.blocks.flatMap((block) => [...block.tokens])];
}

/** Each token's rows depend on it and on all tokens before it, as in a decoder. */
function fill(kv: LayerKv, row: number, tokens: readonly number[], shape: KvShape): void {
  const width = shape.kvHeads * shape.headDim;
  let state = 1;
  for (const [t, token] of tokens.entries()) {
    state = (Math.imul(state, 31) + token) | 0;
    for (const [a, array] of [...kv.keys, ...kv.values].entries()) {
      for (let c = 0; c < width; c++) array[(row + t) * width + c] = Math.sin(state * 1e-4 + a + c);
    }
  }
}
