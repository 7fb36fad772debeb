/**
 * Late interaction (Khattab and Zaharia, "ColBERT", 2020) with a learned weight a question token, its contrastive loss and the
 * gradient by hand. Each maximum passes its gradient to the one block token that it came from.
 */
import type { Rows } from "./pair-layout.ts";

/** Which rows are which question's and which block's, and what answers what. */
export interface Batch {
  questions: Rows[];
  blocks: Rows[];
  /** By question: the block that answers it. */
  targets: number[];
  /** Whether a block also answers a question, though it is not its target: neither right nor wrong. */
  isAlsoRight: (question: number, block: number) => boolean;
}

/** The projected tokens of a batch. */
export interface Projected {
  /** Of length 1, [question tokens, width]. */
  queries: Float32Array;
  /** Of length 1, [block tokens, width]. */
  keys: Float32Array;
  width: number;
  /** queries . keys, [question tokens, block tokens]. */
  products: Float32Array;
  /** [question tokens]; over each question they add up to 1. */
  weights: Float32Array;
}

/** Each question's score of each block, and where its maxima were. */
export interface Scores {
  /** [questions, blocks] */
  scores: Float64Array;
  /** [question tokens, blocks]: the block token of the largest product. */
  best: Int32Array;
}

/** sum over question tokens of weight times largest product. */
export function scoreBlocks({ questions, blocks }: Batch, { products, weights, keys, width }: Projected): Scores {
  const tokens = keys.length / width;
  const scores = new Float64Array(questions.length * blocks.length);
  const best = new Int32Array(weights.length * blocks.length);
  questions.forEach(({ from, to }, question) => {
    for (let token = from; token < to; token++) {
      const row = token * tokens;
      for (let block = 0; block < blocks.length; block++) {
        const range = blocks[block];
        if (range === undefined) continue;
        let at = range.from;
        let most = products[row + at] ?? 0;
        for (let key = at + 1; key < range.to; key++) {
          const value = products[row + key] ?? 0;
          if (value > most) [most, at] = [value, key];
        }
        best[token * blocks.length + block] = at;
        const cell = question * blocks.length + block;
        scores[cell] = (scores[cell] ?? 0) + (weights[token] ?? 0) * most;
      }
    }
  });
  return { scores, best };
}

/** A loss and how it changes with each score and with the temperature's logarithm. */
export interface ScoreLoss {
  loss: number;
  /** [questions, blocks] */
  gradient: Float64Array;
  temperatureGradient: number;
}

/**
 * Cross-entropy both ways: of each question's block among all blocks, and of each question among all questions to its block;
 * the mean of both.
 */
export function contrastiveLoss(batch: Batch, scores: Float64Array, logTemperature: number): ScoreLoss {
  const { questions, blocks, targets, isAlsoRight } = batch;
  const temperature = Math.exp(logTemperature);
  const gradient = new Float64Array(scores.length);
  const share = 1 / (2 * questions.length);
  let loss = 0;
  targets.forEach((target, question) => {
    const right = question * blocks.length + target;
    const among = [...blocks.keys()].filter((block) => block === target || !isAlsoRight(question, block));
    loss += crossEntropy(
      among.map((block) => question * blocks.length + block),
      right,
    );
    const askers = [...targets.keys()].filter((other) => {
      return other === question || (targets[other] !== target && !isAlsoRight(other, target));
    });
    loss += crossEntropy(
      askers.map((other) => other * blocks.length + target),
      right,
    );
  });
  let temperatureGradient = 0;
  for (const [cell, value] of gradient.entries()) temperatureGradient += value * (scores[cell] ?? 0);
  return { loss, gradient, temperatureGradient };

  /** Adds one softmax's gradient; returns its share of the loss. */
  function crossEntropy(cells: readonly number[], right: number): number {
    const logits = cells.map((cell) => (scores[cell] ?? 0) * temperature);
    const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
    const powers = logits.map((value) => Math.exp(value - largest));
    const sum = powers.reduce((total, value) => total + value, 0);
    cells.forEach((cell, i) => {
      const off = (powers[i] ?? 0) / sum - (cell === right ? 1 : 0);
      gradient[cell] = (gradient[cell] ?? 0) + share * temperature * off;
    });
    return share * (Math.log(sum) + largest - (scores[right] ?? 0) * temperature);
  }
}

/** How a loss changes with the projected tokens. */
export interface ProjectedGradient {
  /** [question tokens, width] */
  queries: Float32Array;
  /** [block tokens, width] */
  keys: Float32Array;
  /** With the tokens' weights before their softmax, [question tokens]. */
  logits: Float32Array;
}

/** Scores move less than this to no effect; most blocks are far from being mistaken for the right one. */
const NEGLIGIBLE = 1e-7;

/** Passes the gradient of the scores on to queries, keys and token weights. @param gradient [questions, blocks] */
export function passBack(
  batch: Batch,
  projected: Projected,
  { best }: Scores,
  gradient: Float64Array,
): ProjectedGradient {
  const { queries, keys, width, products, weights } = projected;
  const { questions, blocks } = batch;
  const tokens = keys.length / width;
  const result = {
    queries: new Float32Array(queries.length),
    keys: new Float32Array(keys.length),
    logits: new Float32Array(weights.length),
  };
  questions.forEach(({ from, to }, question) => {
    let mean = 0;
    for (let token = from; token < to; token++) {
      const weight = weights[token] ?? 0;
      let ofWeight = 0;
      for (let block = 0; block < blocks.length; block++) {
        const change = gradient[question * blocks.length + block] ?? 0;
        if (Math.abs(change) < NEGLIGIBLE) continue;
        const key = best[token * blocks.length + block] ?? 0;
        ofWeight += change * (products[token * tokens + key] ?? 0);
        addScaled(result.queries, token * width, keys, key * width, width, change * weight);
        addScaled(result.keys, key * width, queries, token * width, width, change * weight);
      }
      result.logits[token] = ofWeight;
      mean += weight * ofWeight;
    }
    // Through the softmax of the question's token weights.
    for (let token = from; token < to; token++) {
      result.logits[token] = (weights[token] ?? 0) * ((result.logits[token] ?? 0) - mean);
    }
  });
  return result;
}

function addScaled(into: Float32Array, at: number, from: Float32Array, start: number, width: number, factor: number) {
  for (let i = 0; i < width; i++) into[at + i] = (into[at + i] ?? 0) + factor * (from[start + i] ?? 0);
}
