/** The steps of 4-bit codes: what a block's projected number is rounded to. */
import { LARGEST_CODE } from "../graph/token-projection.ts";
import { type LayerProjection, PROJECTED } from "../retrieval/projections.ts";
import { MatrixProducts } from "./matrix-products.ts";
import { normalise } from "./projected-tokens.ts";
import { STEP } from "./standards.ts";
import type { TrainedLayer, TrainingData } from "./train-projection.ts";

/** Blocks whose tokens are looked at. */
const BLOCKS = 160;
/** Clips that are tried, as shares of a number's largest value. */
const CLIPS = Array.from({ length: 16 }, (_, i) => 0.25 + 0.05 * i);

/** Adds to a trained layer the steps at which rounding its blocks' numbers errs least, in the mean of squares. */
export async function withSteps(data: TrainingData, trained: TrainedLayer, threads: number): Promise<LayerProjection> {
  const { layout, encoded, set } = data;
  const learnt = set.segments.flatMap(({ heldOut, firstBlock, segment }) =>
    heldOut ? [] : segment.blocks.map((_, i) => firstBlock + i),
  );
  const every = Math.max(1, Math.floor(learnt.length / BLOCKS));
  const ranges = learnt.filter((_, i) => i % every === 0).map((block) => layout.blocks[block] ?? { from: 0, to: 0 });
  const rows = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  const states = new Int8Array(rows * encoded.hidden);
  let at = 0;
  for (const range of ranges) {
    encoded.read(trained.layer, range, states, at);
    at += (range.to - range.from) * encoded.hidden;
  }
  const products = await MatrixProducts.open(encoded.hidden, threads);
  try {
    const raw = await products.project({ states, rows, scale: STEP }, trained.block.weight);
    return { ...trained, steps: bestSteps(normalise(raw, PROJECTED, PROJECTED).units) };
  } finally {
    await products.close();
  }
}

/** By column. @param units [tokens, PROJECTED] */
export function bestSteps(units: Float32Array): Float32Array {
  return Float32Array.from({ length: PROJECTED }, (_, column) => {
    const values = new Float32Array(units.length / PROJECTED);
    for (let row = 0; row < values.length; row++) values[row] = units[row * PROJECTED + column] ?? 0;
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
    const tried = CLIPS.map((clip) => (clip * largest) / LARGEST_CODE);
    const errors = tried.map((step) => roundingError(values, step));
    return tried[errors.indexOf(Math.min(...errors))] ?? largest / LARGEST_CODE;
  });
}

function roundingError(values: Float32Array, step: number): number {
  let sum = 0;
  for (const value of values) {
    const code = Math.max(-LARGEST_CODE, Math.min(LARGEST_CODE, Math.round(value / step)));
    sum += (value - code * step) ** 2;
  }
  return sum;
}
