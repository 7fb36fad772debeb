/** Which blocks an answer was read from: measured, as the attention that its tokens paid them. */
import type { Head } from "../inference/observed-layers.ts";
import type { BlockSlots } from "../memory/block-window.ts";
import type { ScoredRange } from "../protocol/requests.ts";

/** A block with less than this share of the attention to memory is not named. */
const SMALLEST_SHARE = 0.1;
const MOST_CITATIONS = 5;

/** Sums up attention over an answer. Only retrieval heads count: over all heads, most attention rests on the first tokens. */
export class AttentionTally {
  private readonly shares: Float64Array;
  private readonly slots: readonly BlockSlots[];
  private readonly heads: readonly Head[];

  constructor(slots: readonly BlockSlots[], heads: readonly Head[]) {
    this.slots = slots;
    this.heads = heads;
    this.shares = new Float64Array(slots.length);
  }

  /** Adds one token's attention: by layer, [heads, slots + 1] of the whole window. */
  add(attention: ReadonlyMap<number, Float32Array>, width: number): void {
    for (const { layer, head } of this.heads) {
      const weights = attention.get(layer);
      if (!weights) continue;
      this.slots.forEach(({ from, to }, i) => {
        let sum = 0;
        for (let slot = from; slot < to; slot++) sum += weights[head * width + slot] ?? 0;
        this.shares[i] = (this.shares[i] ?? 0) + sum;
      });
    }
  }

  /** The blocks that got most, with their shares of what all blocks got. Neighbours are named as one range. */
  citations(): ScoredRange[] {
    const total = this.shares.reduce((sum, share) => sum + share, 0);
    if (total === 0) return [];
    const ranges = this.slots
      .map(({ block }, i) => ({ ...rangeOf(block), score: (this.shares[i] ?? 0) / total }))
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
