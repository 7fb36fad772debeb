/** AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) and a one-cycle learning rate. */

/** A parameter with its moments. */
export interface Parameter {
  values: Float32Array;
  /** Running mean of the gradient and of its square. */
  first: Float32Array;
  second: Float32Array;
  weightDecay: number;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export function parameter(values: Float32Array, weightDecay: number): Parameter {
  return {
    values,
    first: new Float32Array(values.length),
    second: new Float32Array(values.length),
    weightDecay,
  };
}

/** One step. @param step counts from 1 */
export function adamStep(target: Parameter, gradient: Float32Array, step: number, learningRate: number): void {
  const { values, first, second, weightDecay } = target;
  const bias1 = 1 - BETA1 ** step;
  const bias2 = 1 - BETA2 ** step;
  for (let i = 0; i < values.length; i++) {
    const change = gradient[i] ?? 0;
    const mean = BETA1 * (first[i] ?? 0) + (1 - BETA1) * change;
    const square = BETA2 * (second[i] ?? 0) + (1 - BETA2) * change * change;
    first[i] = mean;
    second[i] = square;
    const direction = mean / bias1 / (Math.sqrt(square / bias2) + EPSILON);
    const value = values[i] ?? 0;
    values[i] = value - learningRate * (direction + weightDecay * value);
  }
}

/** Share of the steps in which the rate rises. */
const RISING = 0.1;

/** The learning rate of step `step` (from 0) of `steps`: from a 25th up to `largest` and down to nothing, along cosines. */
export function oneCycle(step: number, steps: number, largest: number): number {
  const rising = Math.max(1, RISING * steps);
  const cosine = (from: number, to: number, at: number) => to + ((from - to) * (1 + Math.cos(Math.PI * at))) / 2;
  if (step < rising) return cosine(largest / 25, largest, step / rising);
  return cosine(largest, largest / 1e4, Math.min(1, (step - rising) / Math.max(1, steps - rising)));
}
