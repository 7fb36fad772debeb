/** Tokens of one call as inputs of a device's graph. */
import type { ModelConfig } from "../models/model-source.ts";
import { type Feeds, floatTensor, integerTensor } from "../runtime/session.ts";
import type { AttentionWindow, SlotRange } from "./attention-window.ts";
import { placeFeeds } from "./device-window.ts";

/** The number of a slot that no token sees; a token's own number is its place in the call. */
const CLOSED_SLOT = 1e9;

/** Tokens that one call runs. */
export interface Rows {
  tokens: Int32Array;
  positions: Int32Array;
  /** Where the text begins that each token belongs to: it sees none of those before. One text where it is left out. */
  firsts?: Int32Array;
}

/** The number of each slot: below all rows for what all may see, a row's own for the run's, `CLOSED_SLOT` for the others. */
export function seenBy(window: AttentionWindow, capacity: number, start: number, rows: number): Float32Array {
  const seen = new Float32Array(capacity).fill(CLOSED_SLOT);
  for (const { from, to } of window.open()) seen.fill(-1, from, Math.min(to, start));
  for (let row = 0; row < rows; row++) seen[start + row] = row;
  return seen;
}

/**
 * The inputs that are not the window's buffers, for rows [from, to) of a call.
 * @param seen what `seenBy` gives for the whole call @param start the slot of the call's first row
 */
export function rowFeeds(
  config: ModelConfig,
  { tokens, positions, firsts }: Rows,
  seen: Float32Array,
  { from, to }: SlotRange,
  start: number,
): Feeds {
  const group = config.heads / config.kvHeads;
  const perHead = (number: (row: number) => number) => {
    const numbers = Float32Array.from({ length: (to - from) * group }, (_, i) => number(from + Math.floor(i / group)));
    return floatTensor(numbers, [numbers.length, 1]);
  };
  return {
    tokens: integerTensor(tokens.subarray(from, to), [1, to - from]),
    positions: integerTensor(positions.subarray(from, to), [1, to - from]),
    ...placeFeeds(config, start + from, start + to),
    seen: floatTensor(seen, [1, seen.length]),
    row: perHead((row) => row),
    first: perHead((row) => firsts?.[row] ?? 0),
  };
}
