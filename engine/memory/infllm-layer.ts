/** One layer's context memory of published InfLLM (arXiv 2402.04617): initial tokens, local window, blocks, look-up. */
import { int8Codec } from "../blocks/int8-codec.ts";
import type { KvCodec } from "../blocks/kv-codec.ts";
import type { InfllmSettings, RowWindow } from "./infllm-window.ts";

/** The dimensions of one layer's attention. */
export interface LayerShape {
  heads: number;
  kvHeads: number;
  headDim: number;
}

/** Views of a layer's un-rotated keys and values, [rows, kvHeads * headDim]; valid until the next change. */
export interface NearAndFar {
  nearKeys: Float32Array;
  nearValues: Float32Array;
  farKeys: Float32Array;
  farValues: Float32Array;
}

/**
 * Tokens come in by `append` and are pending until they have left the local window. `retire` then makes the first of them
 * initial tokens and the others blocks: keys and values in RAM (int8 by default), a representative vector a block.
 */
export class InfllmLayer {
  private readonly shape: LayerShape;
  private readonly settings: InfllmSettings;
  private readonly codec: KvCodec;
  /** Pending tokens, [capacity, kvHeads * headDim]. */
  private readonly near: { keys: Float32Array; values: Float32Array };
  /** Attention that pending tokens got while they were local, [capacity, heads]. */
  private readonly scores: Float32Array;
  /** Initial tokens, then slots of looked-up blocks, then a copy of pending tokens that have left the window. */
  private readonly far: { keys: Float32Array; values: Float32Array };
  private pendingTokens = 0;
  private initTokens = 0;
  private blocks: ArrayBuffer[] = [];
  private representatives: Float32Array[] = [];
  /** The block in each slot. */
  private slots: number[] = [];

  constructor(shape: LayerShape, settings: InfllmSettings, codec: KvCodec = int8Codec) {
    this.shape = shape;
    this.settings = settings;
    this.codec = codec;
    const { localTokens, blockTokens, chunkTokens, initTokens, topBlocks } = settings;
    const pair = (rows: number) => ({
      keys: new Float32Array(rows * this.channels),
      values: new Float32Array(rows * this.channels),
    });
    const capacity = localTokens + blockTokens + chunkTokens;
    this.near = pair(capacity);
    this.far = pair(1 + initTokens + topBlocks * blockTokens + blockTokens + chunkTokens);
    this.scores = new Float32Array(capacity * shape.heads);
  }

  /** Tokens that are neither initial nor in a block yet. */
  get pending(): number {
    return this.pendingTokens;
  }

  get blockCount(): number {
    return this.blocks.length;
  }

  /** Initial tokens and those of the blocks that a look-up gives. */
  get farTokens(): number {
    return this.initTokens + Math.min(this.blocks.length, this.settings.topBlocks) * this.settings.blockTokens;
  }

  /** Bytes of all blocks and their representatives. */
  get bytes(): number {
    const block = this.blocks[0]?.byteLength ?? 0;
    return this.blocks.length * (block + 4 * this.shape.heads * this.shape.headDim);
  }

  /** Takes in a chunk's un-rotated keys and values, [tokens, kvHeads * headDim], at most `chunkTokens` of them. */
  append(keys: Float32Array, values: Float32Array): void {
    const at = this.pendingTokens * this.channels;
    this.near.keys.set(keys, at);
    this.near.values.set(values, at);
    const tokens = keys.length / this.channels;
    this.scores.fill(0, this.pendingTokens * this.shape.heads, (this.pendingTokens + tokens) * this.shape.heads);
    this.pendingTokens += tokens;
  }

  /** Every block's dot product with a query [heads * headDim], all heads summed. */
  lookUp(query: Float32Array): Float32Array {
    return Float32Array.from(this.representatives, (representative) => {
      let sum = 0;
      for (let i = 0; i < query.length; i++) sum += query[i]! * representative[i]!;
      return sum;
    });
  }

  /** Puts blocks into the slots; those that are there stay where they are. */
  load(chosen: readonly number[]): void {
    const wanted = new Set(chosen);
    const slots = chosen.map((_, slot) => this.slots[slot]);
    const missing = chosen.filter((block) => !slots.includes(block));
    for (const [slot, held] of slots.entries()) {
      if (held !== undefined && wanted.has(held)) continue;
      const block = missing.shift();
      if (block === undefined) throw new RangeError("A block was chosen twice");
      slots[slot] = block;
      this.decode(block, this.initTokens + slot * this.settings.blockTokens);
    }
    this.slots = slots.filter((block) => block !== undefined);
  }

  /** What rows of the chunk attend to, after `load`. */
  view({ nearFrom, nearTo, overflow, farColumns }: RowWindow): NearAndFar {
    const { channels, farTokens } = this;
    const [from, to] = [nearFrom * channels, nearTo * channels];
    const end = farColumns * channels;
    this.far.keys.set(this.near.keys.subarray(0, overflow * channels), farTokens * channels);
    this.far.values.set(this.near.values.subarray(0, overflow * channels), farTokens * channels);
    return {
      nearKeys: this.near.keys.subarray(from, to),
      nearValues: this.near.values.subarray(from, to),
      farKeys: this.far.keys.subarray(0, end),
      farValues: this.far.values.subarray(0, end),
    };
  }

  /** Adds what near tokens got of some rows' attention: `mass` [heads, farColumns + near]. */
  credit(mass: Float32Array, { nearFrom, nearTo, farColumns }: RowWindow): void {
    const { heads } = this.shape;
    const columns = farColumns + nearTo - nearFrom;
    for (let head = 0; head < heads; head++) {
      let at = head * columns + farColumns;
      for (let token = nearFrom; token < nearTo; token++) this.scores[token * heads + head]! += mass[at++]!;
    }
  }

  /** Moves tokens that every later query has left behind: into the initial tokens until those are full, then into blocks. */
  retire(): void {
    const { localTokens, blockTokens } = this.settings;
    const initial = Math.min(this.settings.initTokens - this.initTokens, this.pendingTokens - localTokens);
    if (initial > 0) {
      const at = this.initTokens * this.channels;
      this.far.keys.set(this.near.keys.subarray(0, initial * this.channels), at);
      this.far.values.set(this.near.values.subarray(0, initial * this.channels), at);
      this.initTokens += initial;
      this.drop(initial);
    }
    let from = 0;
    for (; this.pendingTokens - from - blockTokens >= localTokens; from += blockTokens) this.makeBlock(from);
    this.drop(from);
  }

  /**
   * What stands for pending tokens [from, to): for each query head the mean key of those that it paid most attention to,
   * [heads * headDim]. Where attention is equal, the earlier token counts.
   */
  representative(from: number, to: number): Float32Array {
    const { heads, kvHeads, headDim } = this.shape;
    const result = new Float32Array(heads * headDim);
    for (let head = 0; head < heads; head++) {
      const score = (token: number) => this.scores[token * heads + head] ?? 0;
      const tokens = Array.from({ length: to - from }, (_, i) => from + i);
      const best = tokens.sort((a, b) => score(b) - score(a) || a - b).slice(0, this.settings.representatives);
      const kvHead = Math.floor((head * kvHeads) / heads);
      for (const token of best) {
        const key = token * this.channels + kvHead * headDim;
        for (let i = 0; i < headDim; i++) result[head * headDim + i]! += this.near.keys[key + i]! / best.length;
      }
    }
    return result;
  }

  /** A memory that goes on from here by itself; blocks, which never change, are shared. */
  fork(): InfllmLayer {
    const copy = new InfllmLayer(this.shape, this.settings, this.codec);
    copy.near.keys.set(this.near.keys);
    copy.near.values.set(this.near.values);
    copy.far.keys.set(this.far.keys);
    copy.far.values.set(this.far.values);
    copy.scores.set(this.scores);
    copy.pendingTokens = this.pendingTokens;
    copy.initTokens = this.initTokens;
    copy.blocks = [...this.blocks];
    copy.representatives = [...this.representatives];
    copy.slots = [...this.slots];
    return copy;
  }

  private get channels(): number {
    return this.shape.kvHeads * this.shape.headDim;
  }

  private makeBlock(from: number): void {
    const { blockTokens: tokens } = this.settings;
    const bytes = new ArrayBuffer(this.codec.layerBytes(tokens, this.channels));
    this.codec.encode({ ...this.near, row: from, tokens, channels: this.channels }, bytes, 0);
    this.blocks.push(bytes);
    this.representatives.push(this.representative(from, from + tokens));
  }

  private decode(block: number, row: number): void {
    const bytes = this.blocks[block];
    if (!bytes) throw new RangeError(`There is no block ${block}`);
    const { blockTokens: tokens } = this.settings;
    this.codec.decode(bytes, 0, { ...this.far, row, tokens, channels: this.channels });
  }

  /** Takes the first `count` pending tokens out. */
  private drop(count: number): void {
    const { channels } = this;
    const { heads } = this.shape;
    this.near.keys.copyWithin(0, count * channels, this.pendingTokens * channels);
    this.near.values.copyWithin(0, count * channels, this.pendingTokens * channels);
    this.scores.copyWithin(0, count * heads, this.pendingTokens * heads);
    this.pendingTokens -= count;
  }
}
