import { CHUNK_ROWS, CHUNKS, PREFILL_ROWS } from "../graph/attention.ts";
import { type Feeds, floatTensor, integerTensor } from "../runtime/session.ts";
import type { AttentionWindow, SlotRange } from "./attention-window.ts";

/** Stands for minus infinity in biases: far below any score, and safe to add. */
const CLOSED = -1e9;

/** Consecutive tokens of a run that see some of the window's slots, and of the run only those of their own before them. */
export interface WindowView {
  tokens: number;
  slots: readonly SlotRange[];
}

/**
 * Inputs of a prefill run: each token sees all open slots of the window, the tokens before it, and itself.
 * @param positions rope positions of the tokens
 * @param views for a run of several texts that know nothing of each other; together they have all its tokens
 */
export function prefillFeeds(
  window: AttentionWindow,
  tokens: Int32Array,
  positions: Int32Array,
  views: readonly WindowView[] = [{ tokens: tokens.length, slots: window.open() }],
): Feeds {
  const count = tokens.length;
  const rows = views.flatMap(({ tokens: length, slots }, i) => {
    const first = views.slice(0, i).reduce((sum, view) => sum + view.tokens, 0);
    return Array.from({ length }, () => ({ first, slots }));
  });
  if (count === 0 || count > PREFILL_ROWS)
    throw new RangeError(`A prefill run takes 1 to ${PREFILL_ROWS} tokens, not ${count}`);
  const feeds: Feeds = {
    ...window.feeds(),
    tokens: integerTensor(tokens, [1, count]),
    positions: integerTensor(positions, [1, count]),
  };
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const from = Math.min(chunk * CHUNK_ROWS, count);
    const to = Math.min(from + CHUNK_ROWS, count);
    const keys = to > from ? window.capacity + to : 0;
    const bias = chunkBias(window.capacity, rows.slice(0, to), from);
    feeds[`bias.${chunk}`] = floatTensor(bias, [to - from, keys]);
  }
  return feeds;
}

/** 0 where rows from `from` on may look and `CLOSED` elsewhere, [rows, capacity + rows.length]. */
function chunkBias(
  capacity: number,
  rows: readonly { first: number; slots: readonly SlotRange[] }[],
  from: number,
): Float32Array {
  const keys = capacity + rows.length;
  const bias = new Float32Array((rows.length - from) * keys).fill(CLOSED);
  for (const [i, { first, slots }] of rows.slice(from).entries()) {
    const row = i * keys;
    for (const run of slots) bias.fill(0, row + run.from, row + run.to);
    bias.fill(0, row + capacity + first, row + capacity + from + i + 1);
  }
  return bias;
}

/** Inputs of a decode run of one token at a rope position. */
export function decodeFeeds(window: AttentionWindow, token: number, position: number): Feeds {
  const bias = new Float32Array(window.capacity + 1).fill(CLOSED, 0, window.capacity);
  for (const run of window.open()) bias.fill(0, run.from, run.to);
  return {
    ...window.feeds(),
    tokens: integerTensor([token], [1, 1]),
    positions: integerTensor([position], [1, 1]),
    bias: floatTensor(bias, [1, window.capacity + 1]),
  };
}
