/** What is learnt of one layer, and its checkpoint on disk. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";

import { createRandom } from "../inference/random.ts";
import { PROJECTED } from "../retrieval/projections.ts";
import { type Parameter, parameter } from "./adamw.ts";

/** Columns of a side's weight: the projection, and the token's weight. */
export const COLUMNS = PROJECTED + 1;

const WEIGHT_DECAY = 0.05;
const FIRST_TEMPERATURE = 20;
/** Above it, the loss is about nothing but the hardest wrong block. */
export const LARGEST_TEMPERATURE = 80;

/** Parameters of one layer. */
export interface ProjectionWeights {
  /** [hidden, COLUMNS]; the last column gives a token's weight. */
  question: Parameter;
  /** [hidden, COLUMNS]; the last column is not used. */
  block: Parameter;
  /** [1], its logarithm. */
  temperature: Parameter;
}

/** Both sides begin as the same random projection: equal states then match from the start. */
export function firstWeights(hidden: number, seed: number): ProjectionWeights {
  const random = createRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const weight = new Float32Array(hidden * COLUMNS);
  for (let i = 0; i < weight.length; i++) weight[i] = i % COLUMNS < PROJECTED ? normal() / Math.sqrt(hidden) : 0;
  return {
    question: parameter(weight, WEIGHT_DECAY),
    block: parameter(weight.slice(), WEIGHT_DECAY),
    temperature: parameter(Float32Array.of(Math.log(FIRST_TEMPERATURE)), 0),
  };
}

/** Everything of `weights` in a fixed order. */
function arraysOf({ question, block, temperature }: ProjectionWeights): Float32Array[] {
  return [question, block, temperature].flatMap(({ values, first, second }) => [values, first, second]);
}

/** Keeps the weights after a number of epochs; written beside the goal and renamed. */
export function saveCheckpoint(path: string, epochs: number, weights: ProjectionWeights): void {
  const parts = [Float32Array.of(epochs), ...arraysOf(weights)];
  const bytes = parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  writeFileSync(`${path}.tmp`, Buffer.concat(bytes));
  renameSync(`${path}.tmp`, path);
}

/** Reads a checkpoint into `weights`; returns its epochs, 0 where there is none that fits. */
export function loadCheckpoint(path: string, weights: ProjectionWeights): number {
  const arrays = arraysOf(weights);
  const numbers = 1 + arrays.reduce((sum, { length }) => sum + length, 0);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return 0; // none was written
  }
  if (bytes.length !== numbers * 4) return 0;
  const values = new Float32Array(numbers);
  new Uint8Array(values.buffer).set(bytes);
  if (!values.every(Number.isFinite)) return 0;
  let at = 1;
  for (const array of arrays) {
    array.set(values.subarray(at, at + array.length));
    at += array.length;
  }
  return values[0] ?? 0;
}
