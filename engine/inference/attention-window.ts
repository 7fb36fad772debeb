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

/** The slots [from, to). */
export interface SlotRange {
  from: number;
  to: number;
}

/** A token that was read where this machine does not see its keys and values: on a GPU. */
export interface AwayToken {
  token: number;
  position: number;
}

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
  /** Slots in use that no token may look at, in ascending order and apart. */
  private holes: SlotRange[] = [];
  /** Slots written since `takeChanges`. */
  private changes: SlotRange[] = [];
  /** What the last slots in use hold where their keys and values are not here. */
  private away: AwayToken[] = [];

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
    if (this.away.length > 0) throw new RangeError("What stands before these tokens is not here: restore it first.");
    this.makeRoom(count);
    this.write(this.used, kv, from, count, position);
    this.used += count;
  }

  /** Counts tokens in whose keys and values are elsewhere: the slots are in use, but `feeds` would be wrong. */
  appendAway(tokens: readonly AwayToken[]): void {
    this.makeRoom(tokens.length);
    this.away.push(...tokens);
    this.used += tokens.length;
  }

  /** The tokens of the last slots in use whose keys and values are not here; empty on the CPU. */
  get awayTokens(): readonly AwayToken[] {
    return this.away;
  }

  /** The slots that were written since the last call, for who keeps another copy; those of `awayTokens` are not among them. */
  takeChanges(): SlotRange[] {
    const changes = this.changes;
    this.changes = [];
    return changes;
  }

  private noteChange(from: number, to: number): void {
    const last = this.changes.at(-1);
    if (last?.to === from) last.to = to;
    else this.changes.push({ from, to });
  }

  private makeRoom(count: number): void {
    if (this.used + count > this.slots) this.reserve(count > 1 ? this.used + count : this.slots + GROWTH);
  }

  /**
   * Overwrites slots that are in use, from `slot` on, with rows [from, to) of `kv` as `append` would place them; what was
   * closed of them is open again. Nothing is moved or copied. @throws RangeError beyond the slots in use
   */
  replace(slot: number, kv: LayerKv, from: number, to: number, position: number): void {
    const range = this.rangeInUse(slot, slot + to - from);
    this.write(slot, kv, from, to - from, position);
    this.holes = this.holes.flatMap((hole) => without(hole, range));
  }

  /**
   * Hides slots that are in use until they are replaced: where fewer tokens take the place of more, what is left over.
   * @throws RangeError beyond the slots in use
   */
  close(from: number, to: number): void {
    const range = this.rangeInUse(from, to);
    this.holes = [...this.holes.flatMap((hole) => without(hole, range)), range]
      .filter((hole) => hole.to > hole.from)
      .sort((a, b) => a.from - b.from);
  }

  /** The slots that a token may look at, in ascending order. */
  open(): SlotRange[] {
    let from = 0;
    const runs = this.holes.map((hole) => {
      const run = { from, to: hole.from };
      from = hole.to;
      return run;
    });
    return [...runs, { from, to: this.used }].filter((run) => run.to > run.from);
  }

  private rangeInUse(from: number, to: number): SlotRange {
    if (from < 0 || to < from || to > this.used) {
      throw new RangeError(`Slots ${from} to ${to} are not all in use; the window has ${this.used}.`);
    }
    return { from, to };
  }

  /** Writes `count` rows of `kv` from row `from` into the slots from `slot` on, keys rotated. */
  private write(slot: number, kv: LayerKv, from: number, count: number, position: number): void {
    this.noteChange(slot, slot + count);
    for (let layer = 0; layer < this.shape.layers; layer++) {
      const [keys, values] = [kv.keys[layer], kv.values[layer]];
      const [ownKeys, ownValues] = [this.keys[layer], this.values[layer]];
      if (!keys || !values || !ownKeys || !ownValues) throw new RangeError(`No keys and values for layer ${layer}`);
      this.writeRotated(keys, ownKeys, slot, from, count, position);
      this.writeCopied(values, ownValues, slot, from, count);
    }
  }

  /** Drops everything after the first `length` slots. */
  truncate(length: number): void {
    const here = this.used - this.away.length;
    this.used = Math.min(this.used, length);
    this.away = this.away.slice(0, Math.max(0, this.used - here));
    this.holes = this.holes.flatMap((hole) => without(hole, { from: this.used, to: Infinity }));
  }

  /** A window of its own with the same contents, and room for `capacity` tokens. */
  copy(capacity: number): AttentionWindow {
    const copy = new AttentionWindow(this.shape, this.rope, 0);
    copy.keys = this.keys;
    copy.values = this.values;
    copy.slots = this.slots;
    copy.used = this.used;
    copy.holes = this.holes;
    copy.away = [...this.away];
    copy.changes = [{ from: 0, to: this.used - this.away.length }];
    copy.reserve(Math.max(capacity, this.slots + 1));
    return copy;
  }

  /** The buffers as inputs of a graph: [kvHeads, 1, capacity, headDim] each, without a copy. */
  feeds(): Feeds {
    const { kvHeads, headDim } = this.shape;
    const dimensions = [kvHeads, 1, this.slots, headDim];
    const feeds: Feeds = {};
    for (let layer = 0; layer < this.shape.layers; layer++) {
      const names = pastNames(layer);
      feeds[names.keys] = floatTensor(this.keys[layer] ?? new Float32Array(0), dimensions);
      feeds[names.values] = floatTensor(this.values[layer] ?? new Float32Array(0), dimensions);
    }
    return feeds;
  }

  /** A layer's rows of slots [from, to), copied: keys (rotated) and values, each [kvHeads, to - from, headDim]. */
  rows(layer: number, { from, to }: SlotRange): { keys: Float32Array; values: Float32Array } {
    return { keys: this.rowsOf(this.keys[layer], from, to), values: this.rowsOf(this.values[layer], from, to) };
  }

  private rowsOf(buffer: Float32Array | undefined, from: number, to: number): Float32Array {
    const { kvHeads, headDim } = this.shape;
    const rows = new Float32Array(kvHeads * (to - from) * headDim);
    for (let head = 0; buffer && head < kvHeads; head++) {
      const start = head * this.slots;
      rows.set(buffer.subarray((start + from) * headDim, (start + to) * headDim), head * (to - from) * headDim);
    }
    return rows;
  }

  private writeCopied(source: Float32Array, target: Float32Array, slot: number, from: number, count: number): void {
    const { kvHeads, headDim } = this.shape;
    const width = kvHeads * headDim;
    for (let head = 0; head < kvHeads; head++) {
      let at = (head * this.slots + slot) * headDim;
      for (let row = from; row < from + count; row++, at += headDim) {
        const start = row * width + head * headDim;
        for (let i = 0; i < headDim; i++) target[at + i] = source[start + i] ?? 0;
      }
    }
  }

  /** Half-split rope, as transformers has it: element i is paired with element i + headDim / 2. */
  private writeRotated(
    source: Float32Array,
    target: Float32Array,
    slot: number,
    from: number,
    count: number,
    position: number,
  ): void {
    const { kvHeads, headDim } = this.shape;
    const { cos, sin, half } = this.rope;
    const width = kvHeads * headDim;
    for (let head = 0; head < kvHeads; head++) {
      let at = (head * this.slots + slot) * headDim;
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

/** What of `range` lies outside of `other`: none, one or two ranges. */
function without(range: SlotRange, other: SlotRange): SlotRange[] {
  const before = { from: range.from, to: Math.min(range.to, other.from) };
  const after = { from: Math.max(range.from, other.to), to: range.to };
  return [before, after].filter(({ from, to }) => to > from);
}
