/** What the next token attends to: keys (rotated) and values of every layer, in fixed buffers that onnxruntime reads in place. */
import { pastNames } from "../graph/attention.ts";
import type { RopeTable } from "../graph/rope.ts";
import type { LayerKv } from "../blocks/block.ts";
import { type Feeds, floatTensor } from "../runtime/session.ts";

interface WindowShape {
  layers: number;
  kvHeads: number;
  headDim: number;
}

/** Slots that decoding grows a full window by: each growth copies the window, each unused slot costs attention. */
const GROWTH = 128;

/**
 * Slots for `capacity` tokens a layer, `length` of them in use. A slot has a place in the buffers; the position that
 * its key was rotated to is the caller's choice.
 */
export class AttentionWindow {
  readonly shape: WindowShape;
  private readonly rope: RopeTable;
  /** One a layer, [kvHeads, capacity, headDim]; keys rotated. */
  private keys: Float32Array[] = [];
  private values: Float32Array[] = [];
  private slots = 0;
  private used = 0;

  constructor(shape: WindowShape, rope: RopeTable, capacity: number) {
    this.shape = { layers: shape.layers, kvHeads: shape.kvHeads, headDim: shape.headDim };
    this.rope = rope;
    this.reserve(capacity);
  }

  get capacity(): number {
    return this.slots;
  }

  get length(): number {
    return this.used;
  }

  /** Makes room for `capacity` tokens at least; what is there stays. */
  reserve(capacity: number): void {
    const { layers, kvHeads, headDim } = this.shape;
    if (this.keys.length > 0 && capacity <= this.slots) return;
    const grow = (old: Float32Array | undefined) => {
      const grown = new Float32Array(kvHeads * capacity * headDim);
      for (let head = 0; old && head < kvHeads; head++) {
        const from = head * this.slots * headDim;
        grown.set(old.subarray(from, from + this.used * headDim), head * capacity * headDim);
      }
      return grown;
    };
    this.keys = Array.from({ length: layers }, (_, layer) => grow(this.keys[layer]));
    this.values = Array.from({ length: layers }, (_, layer) => grow(this.values[layer]));
    this.slots = capacity;
  }

  /**
   * Appends rows [from, to) of `kv` (un-rotated, [tokens, kvHeads * headDim]) and rotates their keys to the positions
   * `position`, `position` + 1, …
   */
  append(kv: LayerKv, from: number, to: number, position: number): void {
    const count = to - from;
    if (this.used + count > this.slots) this.reserve(count > 1 ? this.used + count : this.slots + GROWTH);
    for (let layer = 0; layer < this.shape.layers; layer++) {
      const [keys, values] = [kv.keys[layer], kv.values[layer]];
      const [ownKeys, ownValues] = [this.keys[layer], this.values[layer]];
      if (!keys || !values || !ownKeys || !ownValues) throw new RangeError(`No keys and values for layer ${layer}`);
      this.appendRotated(keys, ownKeys, from, count, position);
      this.appendCopied(values, ownValues, from, count);
    }
    this.used += count;
  }

  /** Drops everything after the first `length` slots. */
  truncate(length: number): void {
    this.used = Math.min(this.used, length);
  }

  /** A window of its own with the same contents, and room for `capacity` tokens. */
  copy(capacity: number): AttentionWindow {
    const copy = new AttentionWindow(this.shape, this.rope, 0);
    copy.keys = this.keys;
    copy.values = this.values;
    copy.slots = this.slots;
    copy.used = this.used;
    copy.reserve(Math.max(capacity, this.slots + 1));
    return copy;
  }

  /** The buffers as inputs of a graph: [kvHeads, capacity, headDim] each, without a copy. */
  feeds(): Feeds {
    const { kvHeads, headDim } = this.shape;
    const dimensions = [kvHeads, this.slots, headDim];
    const feeds: Feeds = {};
    for (let layer = 0; layer < this.shape.layers; layer++) {
      const names = pastNames(layer);
      feeds[names.keys] = floatTensor(this.keys[layer] ?? new Float32Array(0), dimensions);
      feeds[names.values] = floatTensor(this.values[layer] ?? new Float32Array(0), dimensions);
    }
    return feeds;
  }

  private appendCopied(source: Float32Array, target: Float32Array, from: number, count: number): void {
    const { kvHeads, headDim } = this.shape;
    const width = kvHeads * headDim;
    for (let head = 0; head < kvHeads; head++) {
      let at = (head * this.slots + this.used) * headDim;
      for (let row = from; row < from + count; row++, at += headDim) {
        const start = row * width + head * headDim;
        for (let i = 0; i < headDim; i++) target[at + i] = source[start + i] ?? 0;
      }
    }
  }

  /** Half-split rope, as transformers has it: element i is paired with element i + headDim / 2. */
  private appendRotated(
    source: Float32Array,
    target: Float32Array,
    from: number,
    count: number,
    position: number,
  ): void {
    const { kvHeads, headDim } = this.shape;
    const { cos, sin, half } = this.rope;
    const width = kvHeads * headDim;
    for (let head = 0; head < kvHeads; head++) {
      let at = (head * this.slots + this.used) * headDim;
      for (let row = 0; row < count; row++, at += headDim) {
        const start = (from + row) * width + head * headDim;
        const angle = (position + row) * half;
        for (let i = 0; i < half; i++) {
          const c = cos[angle + i] ?? 0;
          const s = sin[angle + i] ?? 0;
          const x = source[start + i] ?? 0;
          const y = source[start + half + i] ?? 0;
          target[at + i] = x * c - y * s;
          target[at + half + i] = y * c + x * s;
        }
      }
    }
  }
}
