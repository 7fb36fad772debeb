/** Mean and deviation of hidden states, channel by channel. */
import { CLIP } from "../retrieval/projections.ts";

/** One side's standardisation of one layer, each [hidden]. */
export interface Standard {
  mean: Float32Array;
  inverseDeviation: Float32Array;
}

/** What is added to a deviation, so that a channel that never moves gives no infinity. */
const LEAST_DEVIATION = 1e-3;

/** A standardised number is kept as an int8 in these units: CLIP is 127 of them. */
export const STEP = CLIP / 127;

/** Gathers sums over rows. */
export class StandardSums {
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  #rows = 0;

  constructor(hidden: number) {
    this.#sum = new Float64Array(hidden);
    this.#squares = new Float64Array(hidden);
  }

  /** @param states [rows, hidden] */
  add(states: Float32Array): void {
    const hidden = this.#sum.length;
    for (let at = 0; at < states.length; at += hidden) {
      for (let i = 0; i < hidden; i++) {
        const value = states[at + i] ?? 0;
        this.#sum[i] = (this.#sum[i] ?? 0) + value;
        this.#squares[i] = (this.#squares[i] ?? 0) + value * value;
      }
    }
    this.#rows += states.length / hidden;
  }

  standard(): Standard {
    const rows = Math.max(1, this.#rows);
    const mean = Float32Array.from(this.#sum, (sum) => sum / rows);
    const inverseDeviation = Float32Array.from(this.#squares, (squares, i) => {
      const variance = squares / rows - ((this.#sum[i] ?? 0) / rows) ** 2;
      return 1 / (Math.sqrt(Math.max(0, variance)) + LEAST_DEVIATION);
    });
    return { mean, inverseDeviation };
  }
}

/** Standardised, clipped and rounded. @param states [rows, hidden] @returns the same shape, in units of STEP */
export function standardise(states: Float32Array, { mean, inverseDeviation }: Standard): Int8Array {
  const hidden = mean.length;
  const result = new Int8Array(states.length);
  for (let at = 0; at < states.length; at += hidden) {
    for (let i = 0; i < hidden; i++) {
      const value = ((states[at + i] ?? 0) - (mean[i] ?? 0)) * (inverseDeviation[i] ?? 0);
      result[at + i] = Math.round(Math.max(-CLIP, Math.min(CLIP, value)) / STEP);
    }
  }
  return result;
}
