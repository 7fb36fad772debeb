import { onTestFinished, expect, test } from "vitest";

import { PROJECTED } from "../../engine/retrieval/projections.ts";
import type { LoadedBatch } from "../../engine/training/batches.ts";
import { MatrixProducts } from "../../engine/training/matrix-products.ts";
import type { Rows } from "../../engine/training/pair-layout.ts";
import { COLUMNS, firstWeights } from "../../engine/training/projection-weights.ts";
import { lossAndGradient } from "../../engine/training/train-projection.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const HIDDEN = 10;

/** Ranges of `counts` rows, one after the other. */
function ranges(counts: readonly number[]): Rows[] {
  let at = 0;
  return counts.map((count) => ({ from: at, to: (at += count) }));
}

/** Three questions; two ask for the same block, and a fourth block is right for the first one too. */
function randomBatch(): LoadedBatch {
  const random = seededRandom(3);
  const states = (rows: number) => ({
    states: Int8Array.from({ length: rows * HIDDEN }, () => randomInteger(random, 255) - 127),
    rows,
    scale: 1 / 40,
  });
  return {
    questions: ranges([3, 5, 2]),
    questionStates: states(10),
    blocks: ranges([6, 4, 7, 5]),
    blockStates: states(22),
    targets: [0, 1, 1],
    isAlsoRight: (question, block) => question === 0 && block === 3,
  };
}

async function openProducts(): Promise<MatrixProducts> {
  const products = await MatrixProducts.open(HIDDEN, 1);
  onTestFinished(() => products.close());
  return products;
}

test("the gradient of every kind of weight is that of finite differences", async () => {
  const products = await openProducts();
  const weights = firstWeights(HIDDEN, 5);
  // Token weights that differ, and sides that do.
  const random = seededRandom(9);
  for (const side of [weights.question, weights.block]) {
    side.values.forEach((value, i) => (side.values[i] = value + 0.3 * (random() - 0.5)));
  }
  weights.temperature.values[0] = Math.log(5);
  const batch = randomBatch();
  const analytic = await lossAndGradient(products, weights, batch);
  const slope = async (values: Float32Array, i: number): Promise<number> => {
    const original = values[i] ?? 0;
    const lossAt = async (value: number) => {
      values[i] = value;
      return (await lossAndGradient(products, weights, batch)).loss;
    };
    const delta = 2e-3;
    const [above, below] = [await lossAt(original + delta), await lossAt(original - delta)];
    values[i] = original;
    return (above - below) / (2 * delta);
  };
  for (let at = 0; at < HIDDEN; at++) {
    const entry = at * COLUMNS + ((at * 7) % PROJECTED);
    expect(analytic.question[entry]).toBeCloseTo(await slope(weights.question.values, entry), 3);
    expect(analytic.block[entry]).toBeCloseTo(await slope(weights.block.values, entry), 3);
    const token = at * COLUMNS + PROJECTED;
    expect(analytic.question[token]).toBeCloseTo(await slope(weights.question.values, token), 3);
    expect(analytic.block[token]).toBe(0);
  }
  expect(analytic.temperature).toBeCloseTo(await slope(weights.temperature.values, 0), 3);
  const largest = Math.max(...analytic.question.map(Math.abs), ...analytic.block.map(Math.abs));
  expect(largest).toBeGreaterThan(0.02); // else the comparisons above would say little
});

test("a block that is also right is neither pulled nor pushed by that question", async () => {
  const products = await openProducts();
  const weights = firstWeights(HIDDEN, 5);
  const batch = randomBatch();
  const without = { ...batch, isAlsoRight: () => false };
  const [masked, pushed] = [
    await lossAndGradient(products, weights, batch),
    await lossAndGradient(products, weights, without),
  ];
  expect(masked.loss).toBeLessThan(pushed.loss);
});
