import { CHUNK_ROWS, CHUNKS, PREFILL_ROWS } from "../graph/attention.ts";
import { type Feeds, floatTensor, integerTensor } from "../runtime/session.ts";
import type { AttentionWindow } from "./attention-window.ts";

/** Stands for minus infinity in biases: far below any score, and safe to add. */
const CLOSED = -1e9;

/**
 * Inputs of a prefill run: each token sees all open slots of the window, the tokens before it, and itself.
 * @param positions rope positions of the tokens
 */
export function prefillFeeds(window: AttentionWindow, tokens: Int32Array, positions: Int32Array): Feeds {
  const count = tokens.length;
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
    const bias = chunkBias(window, from, to);
    feeds[`bias.${chunk}`] = floatTensor(bias, [to - from, keys]);
  }
  return feeds;
}

/** 0 where a row may look and `CLOSED` elsewhere, [rows, capacity + to]. */
function chunkBias(window: AttentionWindow, from: number, to: number): Float32Array {
  const keys = to > from ? window.capacity + to : 0;
  const bias = new Float32Array((to - from) * keys).fill(CLOSED);
  const open = window.open();
  for (let token = from; token < to; token++) {
    const row = (token - from) * keys;
    for (const run of open) bias.fill(0, row + run.from, row + run.to);
    bias.fill(0, row + window.capacity, row + window.capacity + token + 1);
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
