/** Which blocks an answer was read from: measured, as the attention that its tokens paid them. */
import type { Head } from "../inference/observed-layers.ts";
import type { BlockSlots } from "../memory/block-window.ts";
import type { ScoredRange, SentenceSources } from "../protocol/requests.ts";
import { sentenceSpans } from "./sentence-spans.ts";

/** A block with less than this share of the attention to memory is not named. */
const SMALLEST_SHARE = 0.1;
const MOST_CITATIONS = 5;

/** Text that the model wrote in one step, by UTF-16 offsets, and what each block got of the attention that chose it. */
interface WrittenToken {
  from: number;
  to: number;
  shares: Float64Array | undefined;
}

/**
 * Sums up attention over an answer, by token and block and by slot. Only retrieval heads count (Wu et al. 2024, arXiv 2404.15574):
 * over all heads, most attention rests on the first tokens. Such a head looks at what comes next, so what a step attended to
 * counts for the token that the step chose.
 */
export class AttentionTally {
  /** What each of the window's slots got. */
  readonly slotShares: Float64Array;
  private readonly shares: number[];
  private readonly placed: BlockSlots[];
  private readonly heads: readonly Head[];
  private readonly written: WrittenToken[] = [];
  private last: Float64Array | undefined;

  constructor(slots: readonly BlockSlots[], heads: readonly Head[]) {
    this.placed = [...slots];
    this.heads = heads;
    this.shares = slots.map(() => 0);
    this.slotShares = new Float64Array(Math.max(0, ...slots.map(({ to }) => to)));
  }

  /** Every block that was in the window, with its slots; those of one that made room are empty. */
  get slots(): readonly BlockSlots[] {
    return this.placed;
  }

  /** What the answer's tokens paid to a block so far. */
  attentionTo(index: number): number {
    return this.shares[index] ?? 0;
  }

  /** Another block stands where the one at `index` was; what that one got stays on its account, by block, not by slot. */
  replace(index: number, slots: BlockSlots): void {
    const old = this.placed[index];
    if (old === undefined) throw new RangeError(`No block ${index} among ${this.placed.length}`);
    this.slotShares.fill(0, old.from, old.to);
    this.placed[index] = { ...old, to: old.from };
    this.placed.push(slots);
    this.shares.push(0);
  }

  /** Adds one step's attention: by layer, [heads, slots + 1] of the whole window. */
  add(attention: ReadonlyMap<number, Float32Array>, width: number): void {
    const step = new Float64Array(this.slots.length);
    for (const { layer, head } of this.heads) {
      const weights = attention.get(layer);
      if (weights) this.addHead(weights, head * width, step);
    }
    step.forEach((share, i) => (this.shares[i] = (this.shares[i] ?? 0) + share));
    // Nothing is measured while a prompt is read, so for the first token its own step has to stand in.
    const before = this.written.at(-1);
    if (before && !before.shares) before.shares = step;
    this.last = step;
  }

  /** The step that was added last chose the token whose text is the answer's [from, to). */
  wrote(from: number, to: number): void {
    this.written.push({ from, to, shares: this.last });
  }

  /** What follows was not chosen by the step that was added last. */
  interrupt(): void {
    this.last = undefined;
  }

  /** The blocks that got most, with their shares of what all blocks got. Neighbours are named as one range. */
  citations(): ScoredRange[] {
    return this.ranges(this.shares);
  }

  /** Each sentence of `text[start, end)` with its blocks, offsets counted from `start`; those without any are left out. */
  sentences(text: string, start: number, end: number): SentenceSources[] {
    return sentenceSpans(text.slice(start, end)).flatMap((span) => {
      const blocks = this.ranges(this.sharesOf(start + span.start, start + span.end));
      return blocks.length === 0 ? [] : [{ ...span, blocks }];
    });
  }

  private addHead(weights: Float32Array, row: number, step: Float64Array): void {
    this.slots.forEach(({ from, to }, i) => {
      let sum = 0;
      for (let slot = from; slot < to; slot++) {
        const weight = weights[row + slot] ?? 0;
        this.slotShares[slot] = (this.slotShares[slot] ?? 0) + weight;
        sum += weight;
      }
      step[i] = (step[i] ?? 0) + sum;
    });
  }

  /** What the tokens that begin in [start, end) attended to, by block. */
  private sharesOf(start: number, end: number): Float64Array {
    const sum = new Float64Array(this.slots.length);
    for (const { from, to, shares } of this.written) {
      // A token's blank before its word may lie before the sentence.
      const isInside = from < end && to > start;
      if (isInside) shares?.forEach((share, i) => (sum[i] = (sum[i] ?? 0) + share));
    }
    return sum;
  }

  private ranges(shares: ArrayLike<number>): ScoredRange[] {
    const total = Array.from(shares).reduce((sum, share) => sum + share, 0);
    if (total === 0) return [];
    const ranges = this.slots
      .map(({ block }, i) => ({ ...rangeOf(block), score: (shares[i] ?? 0) / total }))
      .sort((a, b) => b.score - a.score);
    const kept = ranges.filter((range, i) => i === 0 || range.score >= SMALLEST_SHARE).slice(0, MOST_CITATIONS);
    return joinNeighbours(kept);
  }
}

function rangeOf({ path, startLine, endLine }: { path: string; startLine: number; endLine: number }) {
  return { path, startLine, endLine };
}

function joinNeighbours(ranges: readonly ScoredRange[]): ScoredRange[] {
  const joined: ScoredRange[] = [];
  for (const range of ranges) {
    const touching = joined.find(
      (other) =>
        other.path === range.path && range.startLine <= other.endLine + 1 && other.startLine <= range.endLine + 1,
    );
    if (!touching) joined.push({ ...range });
    else {
      touching.startLine = Math.min(touching.startLine, range.startLine);
      touching.endLine = Math.max(touching.endLine, range.endLine);
      touching.score += range.score;
    }
  }
  return joined.sort((a, b) => b.score - a.score);
}
