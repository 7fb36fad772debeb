/** LongMem's bank in memory: one layer's keys and values of everything that was read, in chunks, as the side network's graph takes it. */
import type { KvShape } from "../blocks/block.ts";
import { type Feeds, floatTensor } from "../runtime/session.ts";

/** Stands for minus infinity in biases: far below any score, and safe to add. */
const CLOSED = -1e9;

/** One layer of a block, [tokens, kvHeads * headDim] each; keys un-rotated. */
export interface BankBlock {
  keys: Float32Array;
  values: Float32Array;
  tokens: number;
}

/** How a bank is searched: tokens of a chunk, and the fewest chunks that it has, padding included. */
interface BankLayout {
  chunk: number;
  leastChunks: number;
}

/** A bank that is filled once. Each block is padded to whole chunks, so that no chunk has tokens of two. */
export class MemoryBank {
  /** Rows with padding. */
  readonly rows: number;
  /** The first row of each block, and behind the last one. */
  readonly starts: readonly number[];
  private readonly shape: Pick<KvShape, "kvHeads" | "headDim">;
  private readonly layout: BankLayout;
  private readonly keys: Float32Array; // [kvHeads, rows, headDim]
  private readonly values: Float32Array; // [kvHeads, rows, headDim]
  private readonly bias: Float32Array; // [rows]
  private readonly tokens: number;

  /** @param sizes tokens of each block; `blocks` gives them in this order */
  constructor(
    shape: Pick<KvShape, "kvHeads" | "headDim">,
    layout: BankLayout,
    sizes: readonly number[],
    blocks: Iterable<BankBlock>,
  ) {
    const { kvHeads, headDim } = shape;
    const starts = [0];
    for (const tokens of sizes) {
      starts.push((starts.at(-1) ?? 0) + Math.ceil(tokens / layout.chunk) * layout.chunk);
    }
    this.shape = shape;
    this.layout = layout;
    this.starts = starts;
    this.rows = Math.max(starts.at(-1) ?? 0, layout.leastChunks * layout.chunk);
    this.keys = new Float32Array(kvHeads * this.rows * headDim);
    this.values = new Float32Array(kvHeads * this.rows * headDim);
    this.bias = new Float32Array(this.rows).fill(CLOSED);
    this.tokens = sizes.reduce((sum, tokens) => sum + tokens, 0);
    let index = 0;
    for (const block of blocks) this.put(block, starts[index++] ?? 0);
  }

  /** Inputs of `writeSideNet`, without a copy but for the chunks' mean keys. */
  feeds(): Feeds {
    const { kvHeads, headDim } = this.shape;
    const chunks = this.rows / this.layout.chunk;
    const flat = [kvHeads * this.rows, headDim];
    return {
      bank_keys: floatTensor(this.keys, flat),
      bank_values: floatTensor(this.values, flat),
      bank_bias: floatTensor(this.bias, [this.rows]),
      chunk_keys: floatTensor(this.chunkMeans(chunks), [kvHeads, chunks, headDim]),
      bank_tokens: floatTensor(Float32Array.of(this.tokens), [1]),
    };
  }

  private put({ keys, values, tokens }: BankBlock, start: number): void {
    const { kvHeads, headDim } = this.shape;
    for (let head = 0; head < kvHeads; head++) {
      for (let token = 0; token < tokens; token++) {
        const from = (token * kvHeads + head) * headDim;
        const to = (head * this.rows + start + token) * headDim;
        this.keys.set(keys.subarray(from, from + headDim), to);
        this.values.set(values.subarray(from, from + headDim), to);
      }
    }
    this.bias.fill(0, start, start + tokens);
  }

  /** The mean key of each chunk's tokens, [kvHeads, chunks, headDim]; 0 where it has none. */
  private chunkMeans(chunks: number): Float32Array {
    const { kvHeads, headDim } = this.shape;
    const { chunk } = this.layout;
    const means = new Float32Array(kvHeads * chunks * headDim);
    for (let c = 0; c < chunks; c++) {
      const tokens = this.bias.subarray(c * chunk, (c + 1) * chunk).filter((closed) => closed === 0).length;
      for (let head = 0; head < kvHeads; head++) {
        const from = (head * this.rows + c * chunk) * headDim;
        const to = (head * chunks + c) * headDim;
        for (let i = 0; i < tokens * headDim; i++) means[to + (i % headDim)]! += this.keys[from + i]! / tokens;
      }
    }
    return means;
  }
}
