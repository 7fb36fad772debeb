/** How well projections find the right blocks of projects that nothing was learnt from. */
import { LARGEST_CODE } from "../graph/token-projection.ts";
import { CLIP, type LayerProjection, PROJECTED } from "../retrieval/projections.ts";
import type { EncodedPairs, LayerStandards } from "./encoded-pairs.ts";
import { scoreBlocks } from "./late-interaction.ts";
import { MatrixProducts, type StateRows } from "./matrix-products.ts";
import type { Rows } from "./pair-layout.ts";
import type { QuestionKind } from "./segment-questions.ts";
import { normalise, tokenWeights } from "./projected-tokens.ts";
import { COLUMNS } from "./projection-weights.ts";
import { type Standard, STEP } from "./standards.ts";
import type { TrainingData } from "./train-projection.ts";

/** Each held-out question's result, in one order for all projections that are judged on the same pairs. */
export interface HeldOutResult {
  kinds: QuestionKind[];
  /** By layer: how many blocks scored higher than the best right one. */
  ranks: Map<number, number[]>;
  /** The same for the layers' scores together, each in deviations from its mean over the blocks. */
  together: number[];
  blocks: number;
}

/** Questions and blocks that one product takes. */
const QUESTIONS_AT_ONCE = 48;
const BLOCKS_AT_ONCE = 32;

/**
 * Ranks the held-out blocks for every held-out question, block tokens rounded to 4 bits as the index keeps them.
 * @throws the signal's reason when it is aborted
 */
export async function heldOutRecall(
  data: TrainingData,
  layers: readonly LayerProjection[],
  threads: number,
  signal: AbortSignal,
): Promise<HeldOutResult> {
  const { set, encoded } = data;
  const pairs = [...set.pairs.keys()].filter((pair) => set.pairs[pair]?.heldOut === true);
  const blocks = set.segments
    .filter(({ heldOut }) => heldOut)
    .flatMap(({ segment, firstBlock }) => segment.blocks.map((_, i) => firstBlock + i));
  const products = await MatrixProducts.open(encoded.hidden, threads);
  try {
    const ranks = new Map<number, number[]>();
    const sums = pairs.map(() => new Float64Array(blocks.length));
    for (const layer of layers) {
      const scores = await layerScores(data, layer, pairs, blocks, products, signal);
      scores.forEach((row, i) => addStandardised(sums[i] ?? row, row));
      ranks.set(
        layer.layer,
        pairs.map((pair, i) => rankOf(scores[i], data, pair, blocks)),
      );
    }
    return {
      kinds: pairs.map((pair) => set.pairs[pair]?.kind ?? "name"),
      ranks,
      together: pairs.map((pair, i) => rankOf(sums[i], data, pair, blocks)),
      blocks: blocks.length,
    };
  } finally {
    await products.close();
  }
}

/** Share of the ranks that are below `top`. */
export function recallAt(ranks: readonly number[], top: number): number {
  return ranks.length === 0 ? 0 : ranks.filter((rank) => rank < top).length / ranks.length;
}

async function layerScores(
  data: TrainingData,
  layer: LayerProjection,
  pairs: readonly number[],
  blocks: readonly number[],
  products: MatrixProducts,
  signal: AbortSignal,
): Promise<Float64Array[]> {
  const { layout } = data;
  const keys = await blockKeys(data, layer, blocks, products, signal);
  const scores: Float64Array[] = [];
  for (let at = 0; at < pairs.length; at += QUESTIONS_AT_ONCE) {
    signal.throwIfAborted();
    const asked = pairs.slice(at, at + QUESTIONS_AT_ONCE);
    const { ranges, states } = readStates(
      data.encoded,
      layer,
      "question",
      asked.map((pair) => layout.questions[pair]),
    );
    const raw = await products.project(states, withTokenWeight(layer.question.weight, layer.tokenWeight));
    const queries = normalise(raw, COLUMNS, PROJECTED).units;
    const weights = tokenWeights(raw, COLUMNS, ranges);
    const rows = asked.map(() => new Float64Array(blocks.length));
    for (const { first, chunk, units } of keys) {
      const product = await products.compare(queries, units, PROJECTED);
      const batch = { questions: ranges, blocks: chunk, targets: [], isAlsoRight: () => false };
      const found = scoreBlocks(batch, { queries, keys: units, width: PROJECTED, products: product, weights }).scores;
      rows.forEach((row, i) => row.set(found.subarray(i * chunk.length, (i + 1) * chunk.length), first));
    }
    for (const row of rows) scores.push(row);
  }
  return scores;
}

/** The tokens of some blocks, rounded as the index rounds them. */
interface KeyChunk {
  /** Place of the first block. */
  first: number;
  chunk: Rows[];
  /** [tokens, PROJECTED] */
  units: Float32Array;
}

async function blockKeys(
  { encoded, layout }: TrainingData,
  layer: LayerProjection,
  blocks: readonly number[],
  products: MatrixProducts,
  signal: AbortSignal,
): Promise<KeyChunk[]> {
  const keys: KeyChunk[] = [];
  for (let first = 0; first < blocks.length; first += BLOCKS_AT_ONCE) {
    signal.throwIfAborted();
    const some = blocks.slice(first, first + BLOCKS_AT_ONCE).map((block) => layout.blocks[block]);
    const { ranges, states } = readStates(encoded, layer, "block", some);
    const units = normalise(await products.project(states, layer.block.weight), PROJECTED, PROJECTED).units;
    for (let i = 0; i < units.length; i++) {
      const step = layer.steps[i % PROJECTED] ?? 1;
      units[i] = step * Math.max(-LARGEST_CODE, Math.min(LARGEST_CODE, Math.round((units[i] ?? 0) / step)));
    }
    keys.push({ first, chunk: ranges, units });
  }
  return keys;
}

/** States of some rows, standardised as `layer` wants them. */
function readStates(
  encoded: EncodedPairs,
  layer: LayerProjection,
  side: keyof LayerStandards,
  wanted: readonly (Rows | undefined)[],
): { ranges: Rows[]; states: StateRows } {
  const ranges: Rows[] = [];
  let rows = 0;
  for (const range of wanted) ranges.push({ from: rows, to: (rows += range ? range.to - range.from : 0) });
  const states = new Int8Array(rows * encoded.hidden);
  wanted.forEach((range, i) => {
    if (range) encoded.read(layer.layer, range, states, (ranges[i]?.from ?? 0) * encoded.hidden);
  });
  const kept = encoded.standards.get(layer.layer)?.[side];
  if (kept !== undefined) standardiseAgain(states, kept, layer[side]);
  return { ranges, states: { states, rows, scale: STEP } };
}

/** States that were kept under one standard as another one has them; equal standards change nothing. */
function standardiseAgain(states: Int8Array, from: Standard, to: Standard): void {
  const hidden = from.mean.length;
  for (let i = 0; i < hidden; i++) {
    const ratio = (to.inverseDeviation[i] ?? 1) / (from.inverseDeviation[i] ?? 1);
    const shift = ((from.mean[i] ?? 0) - (to.mean[i] ?? 0)) * (to.inverseDeviation[i] ?? 1);
    if (ratio === 1 && shift === 0) continue;
    for (let at = i; at < states.length; at += hidden) {
      const value = (states[at] ?? 0) * STEP * ratio + shift;
      states[at] = Math.round(Math.max(-CLIP, Math.min(CLIP, value)) / STEP);
    }
  }
}

function withTokenWeight(weight: Float32Array, tokenWeight: Float32Array): Float32Array {
  const joined = new Float32Array(tokenWeight.length * COLUMNS);
  for (let row = 0; row < tokenWeight.length; row++) {
    joined.set(weight.subarray(row * PROJECTED, (row + 1) * PROJECTED), row * COLUMNS);
    joined[(row + 1) * COLUMNS - 1] = tokenWeight[row] ?? 0;
  }
  return joined;
}

function addStandardised(sum: Float64Array, scores: Float64Array): void {
  const mean = scores.reduce((total, score) => total + score, 0) / scores.length;
  const variance = scores.reduce((total, score) => total + (score - mean) ** 2, 0) / scores.length;
  for (let i = 0; i < scores.length; i++) {
    sum[i] = (sum[i] ?? 0) + ((scores[i] ?? 0) - mean) / Math.sqrt(variance + 1e-12);
  }
}

function rankOf(
  scores: Float64Array | undefined,
  { set }: TrainingData,
  pair: number,
  blocks: readonly number[],
): number {
  if (scores === undefined) return blocks.length;
  const right = new Set(set.pairs[pair]?.positives);
  const best = blocks.reduce(
    (most, block, i) => (right.has(block) ? Math.max(most, scores[i] ?? most) : most),
    -Infinity,
  );
  return blocks.filter((block, i) => !right.has(block) && (scores[i] ?? 0) >= best).length;
}
