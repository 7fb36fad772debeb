/** InfLLM's sizes, and which tokens each query of a chunk sees near, far or not at all (arXiv 2402.04617, section 2). */

/** All sizes in tokens but those that say otherwise. */
export interface InfllmSettings {
  /** The first tokens of the stream, attended to by every token after them. */
  initTokens: number;
  /** The last tokens, attended to at their true distances. */
  localTokens: number;
  /** Tokens of one memory block. */
  blockTokens: number;
  /** Blocks that a layer looks up for a chunk. */
  topBlocks: number;
  /** Tokens whose mean key stands for a block, chosen for each query head. */
  representatives: number;
  /** Tokens that are encoded, and looked up for, at once. */
  chunkTokens: number;
}

/**
 * The published proportions (Llama-3: half the window local, half retrieved; blocks of 128, 4 representatives, 128 initial
 * tokens, look-up every 512 tokens) in a window of 2,048 tokens, which small models handle well.
 */
export const PUBLISHED_SETTINGS: InfllmSettings = {
  initTokens: 128,
  localTokens: 1024,
  blockTokens: 128,
  topBlocks: 7,
  representatives: 4,
  chunkTokens: 512,
};

/** Stands for minus infinity in biases: far below any score, and safe to add. */
const CLOSED = -1e9;

/**
 * What rows [from, to) of a chunk attend to. Far columns: initial tokens and looked-up blocks, then the first `overflow`
 * pending tokens, which some rows have left behind. Near columns: pending tokens [nearFrom, nearTo), the chunk's own included.
 */
export interface RowWindow {
  from: number;
  to: number;
  nearFrom: number;
  nearTo: number;
  overflow: number;
  /** At least 1: a closed column stands in where nothing is far. */
  farColumns: number;
  /** Position of row `from` among the near columns. */
  position: number;
  /** 0 where a row may look, [to - from, farColumns + nearTo - nearFrom]. */
  bias: Float32Array;
}

/**
 * The window of rows [from, to) of a chunk that stands behind `pending` tokens. A token sees itself and the `localTokens` - 1
 * before it near, and everything earlier that is not in a block yet, far.
 * @param farTokens initial tokens and those of the looked-up blocks
 */
export function rowWindow(
  settings: InfllmSettings,
  pending: number,
  from: number,
  to: number,
  farTokens: number,
): RowWindow {
  const { localTokens } = settings;
  const nearFrom = Math.max(0, pending + from - localTokens + 1);
  const nearTo = pending + to;
  const overflow = Math.max(0, pending + to - localTokens);
  const farColumns = Math.max(1, farTokens + overflow);
  const columns = farColumns + nearTo - nearFrom;
  const bias = new Float32Array((to - from) * columns).fill(CLOSED);
  for (let row = from; row < to; row++) {
    const at = (row - from) * columns;
    const own = pending + row;
    const oldestNear = Math.max(0, own - localTokens + 1);
    bias.fill(0, at, at + farTokens + oldestNear);
    bias.fill(0, at + farColumns + oldestNear - nearFrom, at + farColumns + own + 1 - nearFrom);
  }
  return { from, to, nearFrom, nearTo, overflow, farColumns, position: pending + from - nearFrom, bias };
}

/** Indices of the `count` largest scores, best first; of equal ones the earlier. All where there are no more. */
export function largestScores(scores: Float32Array, count: number): number[] {
  const order = Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  return order.slice(0, count);
}
