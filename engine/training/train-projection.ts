/** Trains one layer's projections on encoded pairs. */
import { createRandom } from "../inference/random.ts";
import { type LayerProjection, PROJECTED } from "../retrieval/projections.ts";
import { adamStep, oneCycle } from "./adamw.ts";
import { BATCH_PAIRS, BatchLoader, epochOrder, type LoadedBatch } from "./batches.ts";
import type { EncodedPairs } from "./encoded-pairs.ts";
import { contrastiveLoss, passBack, type Projected, scoreBlocks } from "./late-interaction.ts";
import { MatrixProducts } from "./matrix-products.ts";
import type { PairLayout } from "./pair-layout.ts";
import type { PairSet } from "./pair-set.ts";
import { normalise, passThroughNormalise, tokenWeights } from "./projected-tokens.ts";
import {
  COLUMNS,
  firstWeights,
  LARGEST_TEMPERATURE,
  loadCheckpoint,
  type ProjectionWeights,
  saveCheckpoint,
} from "./projection-weights.ts";

/** What is trained on. */
export interface TrainingData {
  set: PairSet;
  layout: PairLayout;
  encoded: EncodedPairs;
}

export interface TrainOptions {
  layer: number;
  epochs: number;
  seed: number;
  threads: number;
  /** File that keeps the weights between epochs. */
  checkpoint: string;
  signal: AbortSignal;
  /** Told after each step: steps done, in all, and the loss. */
  onStep?: (done: number, all: number, loss: number) => void;
}

/** A layer's projections before the steps of its codes are known. */
export type TrainedLayer = Omit<LayerProjection, "steps">;

const LEARNING_RATE = 2e-3;

/**
 * Trains from the last checkpoint, or from random weights; the same data and seed give the same result.
 * @throws the signal's reason when it is aborted; the checkpoint of the last whole epoch stays
 */
export async function trainProjection(data: TrainingData, options: TrainOptions): Promise<TrainedLayer> {
  const { layer, epochs, seed, threads, checkpoint, signal } = options;
  const weights = firstWeights(data.encoded.hidden, seed);
  const loader = new BatchLoader(data.set, data.layout, data.encoded, layer);
  const products = await MatrixProducts.open(data.encoded.hidden, threads);
  try {
    for (let epoch = loadCheckpoint(checkpoint, weights); epoch < epochs; epoch++) {
      const order = epochOrder(data.set, seed, epoch);
      const batches = Math.max(1, Math.floor(order.length / BATCH_PAIRS));
      const random = createRandom(seed + 31 * (epoch + 1));
      for (let batch = 0; batch < batches; batch++) {
        signal.throwIfAborted();
        const loaded = loader.load(order.slice(batch * BATCH_PAIRS, (batch + 1) * BATCH_PAIRS), random);
        const step = epoch * batches + batch;
        const loss = await trainStep(products, weights, loaded, step, epochs * batches);
        options.onStep?.(step + 1, epochs * batches, loss);
      }
      saveCheckpoint(checkpoint, epoch + 1, weights);
    }
  } finally {
    await products.close();
  }
  return trainedLayer(layer, data.encoded, weights);
}

async function trainStep(
  products: MatrixProducts,
  weights: ProjectionWeights,
  batch: LoadedBatch,
  step: number,
  steps: number,
): Promise<number> {
  const { loss, question, block, temperature } = await lossAndGradient(products, weights, batch);
  const rate = oneCycle(step, steps, LEARNING_RATE);
  adamStep(weights.question, question, step + 1, rate);
  adamStep(weights.block, block, step + 1, rate);
  adamStep(weights.temperature, Float32Array.of(temperature), step + 1, rate);
  const logTemperature = weights.temperature.values;
  logTemperature[0] = Math.min(logTemperature[0] ?? 0, Math.log(LARGEST_TEMPERATURE));
  return loss;
}

/** A batch's loss and its gradient with every weight. */
export async function lossAndGradient(
  products: MatrixProducts,
  weights: Pick<ProjectionWeights, "question" | "block" | "temperature">,
  batch: LoadedBatch,
): Promise<{ loss: number; question: Float32Array; block: Float32Array; temperature: number }> {
  const rawQueries = await products.project(batch.questionStates, weights.question.values);
  const rawKeys = await products.project(batch.blockStates, weights.block.values);
  const queries = normalise(rawQueries, COLUMNS, PROJECTED);
  const keys = normalise(rawKeys, COLUMNS, PROJECTED);
  const projected: Projected = {
    queries: queries.units,
    keys: keys.units,
    width: PROJECTED,
    products: await products.compare(queries.units, keys.units, PROJECTED),
    weights: tokenWeights(rawQueries, COLUMNS, batch.questions),
  };
  const scores = scoreBlocks(batch, projected);
  const result = contrastiveLoss(batch, scores.scores, weights.temperature.values[0] ?? 0);
  const back = passBack(batch, projected, scores, result.gradient);
  const queryGradient = passThroughNormalise(queries, back.queries, COLUMNS);
  back.logits.forEach((value, token) => (queryGradient[(token + 1) * COLUMNS - 1] = value));
  const keyGradient = passThroughNormalise(keys, back.keys, COLUMNS);
  return {
    loss: result.loss,
    question: await products.weightGradient(batch.questionStates, queryGradient),
    block: await products.weightGradient(batch.blockStates, keyGradient),
    temperature: result.temperatureGradient,
  };
}

function trainedLayer(layer: number, encoded: EncodedPairs, { question, block }: ProjectionWeights): TrainedLayer {
  const standards = encoded.standards.get(layer);
  if (standards === undefined) throw new RangeError(`Layer ${layer} was not encoded`);
  return {
    layer,
    question: { ...standards.question, weight: columns(question.values, 0, PROJECTED) },
    block: { ...standards.block, weight: columns(block.values, 0, PROJECTED) },
    tokenWeight: columns(question.values, PROJECTED, COLUMNS),
  };
}

/** Random projections of a layer: what training has to beat. */
export function untrainedLayer({ encoded }: TrainingData, layer: number): TrainedLayer {
  return trainedLayer(layer, encoded, firstWeights(encoded.hidden, layer));
}

/** Columns [from, to) of a weight [hidden, COLUMNS], as a matrix of its own. */
function columns(weight: Float32Array, from: number, to: number): Float32Array {
  return weight.filter((_, i) => i % COLUMNS >= from && i % COLUMNS < to);
}
