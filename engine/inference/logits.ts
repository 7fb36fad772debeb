/** Kullback-Leibler divergence of `other` from `reference` in nats, the mean over rows; both [rows, vocabulary]. */
export function klDivergence(reference: Float32Array, other: Float32Array, vocabulary: number): number {
  const rows = reference.length / vocabulary;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const p = logSoftmax(reference.subarray(row * vocabulary, (row + 1) * vocabulary));
    const q = logSoftmax(other.subarray(row * vocabulary, (row + 1) * vocabulary));
    for (let i = 0; i < vocabulary; i++) sum += Math.exp(p[i] ?? 0) * ((p[i] ?? 0) - (q[i] ?? 0));
  }
  return sum / rows;
}

/** Log-probabilities of one row of logits, in double precision. */
export function logSoftmax(logits: Float32Array): Float64Array {
  let highest = -Infinity;
  for (const value of logits) if (value > highest) highest = value;
  let total = 0;
  for (const value of logits) total += Math.exp(value - highest);
  const normalizer = highest + Math.log(total);
  return Float64Array.from(logits, (value) => value - normalizer);
}

/** Index of the largest value. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? -Infinity) > (values[best] ?? -Infinity)) best = i;
  return best;
}
