/** From products with a weight to tokens of length 1 with weights, and back. */
import type { Rows } from "./pair-layout.ts";

/** Tokens of length 1 and how long they were. */
export interface UnitRows {
  /** [rows, width] */
  units: Float32Array;
  /** [rows] */
  lengths: Float32Array;
}

/** Shorter rows are divided by this instead. */
const LEAST_LENGTH = 1e-6;

/** The first `width` of each row's `columns` numbers, to length 1. @param raw [rows, columns] */
export function normalise(raw: Float32Array, columns: number, width: number): UnitRows {
  const rows = raw.length / columns;
  const units = new Float32Array(rows * width);
  const lengths = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (raw[row * columns + i] ?? 0) ** 2;
    const length = Math.max(Math.sqrt(squares), LEAST_LENGTH);
    lengths[row] = length;
    for (let i = 0; i < width; i++) units[row * width + i] = (raw[row * columns + i] ?? 0) / length;
  }
  return { units, lengths };
}

/** What `normalise` passes back, in rows of `columns` numbers; those past `width` are 0. @param gradient [rows, width] */
export function passThroughNormalise(
  { units, lengths }: UnitRows,
  gradient: Float32Array,
  columns: number,
): Float32Array {
  const rows = lengths.length;
  const width = units.length / rows;
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    let along = 0;
    for (let i = 0; i < width; i++) along += (units[row * width + i] ?? 0) * (gradient[row * width + i] ?? 0);
    const inverse = 1 / (lengths[row] ?? 1);
    for (let i = 0; i < width; i++) {
      const at = row * width + i;
      result[row * columns + i] = ((gradient[at] ?? 0) - along * (units[at] ?? 0)) * inverse;
    }
  }
  return result;
}

/** Softmax over each question's tokens of the last column. @param raw [rows, columns] @returns [rows] */
export function tokenWeights(raw: Float32Array, columns: number, questions: readonly Rows[]): Float32Array {
  const weights = new Float32Array(raw.length / columns);
  for (const { from, to } of questions) {
    let largest = -Infinity;
    for (let row = from; row < to; row++) largest = Math.max(largest, raw[(row + 1) * columns - 1] ?? 0);
    let sum = 0;
    for (let row = from; row < to; row++) {
      const power = Math.exp((raw[(row + 1) * columns - 1] ?? 0) - largest);
      weights[row] = power;
      sum += power;
    }
    for (let row = from; row < to; row++) weights[row] = (weights[row] ?? 0) / sum;
  }
  return weights;
}
