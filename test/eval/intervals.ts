/** Figures with 95 % intervals. */
import { createRandom } from "../../engine/inference/random.ts";

/** A figure and the interval that its sample allows. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
  n: number;
}

/** Resamples that an interval is read from. */
const RESAMPLES = 2_000;

/** The share of successes with Wilson's interval, which holds near 0 and 1 too. */
export function proportion(successes: readonly boolean[]): Estimate {
  const n = successes.length;
  if (n === 0) return { value: 0, low: 0, high: 1, n };
  const z = 1.96;
  const value = successes.filter(Boolean).length / n;
  const centre = (value + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((value * (1 - value)) / n + (z * z) / (4 * n * n));
  return { value, low: Math.max(0, centre - half), high: Math.min(1, centre + half), n };
}

/** The mean of numbers with a bootstrap interval; for paired comparisons, give the differences. */
export function mean(values: readonly number[], seed = 1): Estimate {
  const n = values.length;
  const average = (of: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[of(i)] ?? 0;
    return n === 0 ? 0 : sum / n;
  };
  const random = createRandom(seed);
  const resampled = Array.from({ length: RESAMPLES }, () => average(() => Math.floor(random() * n)));
  const sorted = resampled.toSorted((a, b) => a - b);
  return { value: average((i) => i), low: sorted[50] ?? 0, high: sorted[RESAMPLES - 51] ?? 0, n };
}
