/** Trained maps and gates of Infini-attention, checked against the model that they are for. */
import * as v from "valibot";
import { invalidModel } from "../models/invalid-model.ts";
import type { ModelConfig } from "../models/model-source.ts";
import type { StrategyWeights } from "../models/strategy-weights.ts";
import { type Feeds, floatTensor } from "../runtime/session.ts";

/** One layer's weights as inputs of the graphs in `graph/infini-graph.ts`. */
export interface InfiniLayerWeights {
  /** `kv_mean`, `kv_scale`, `key_weight`, `key_bias`, `value_weight`, `value_bias`. */
  write: Feeds;
  /** `query_mean`, `query_scale`, `query_weight`, `query_bias`, `gate`, `null`, `output`. */
  read: Feeds;
}

export interface InfiniWeights {
  /** By layer, ascending. */
  layers: ReadonlyMap<number, InfiniLayerWeights>;
  /** What is left of a trail a token later, below 1. */
  decay: number;
}

const Config = v.object({
  layers: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.minLength(1)),
  decay: v.pipe(v.number(), v.minValue(0), v.maxValue(0.999)),
});

/** @throws RepoMemoryError "model-invalid" where tensors are missing or do not fit the model */
export function infiniWeights(weights: StrategyWeights, model: ModelConfig): InfiniWeights {
  const config = v.safeParse(Config, weights.config);
  if (!config.success || config.output.layers.some((layer) => layer >= model.layers)) {
    throw invalidModel(weights.path, "config", "does not say which layers of the model read, and how trails fade");
  }
  const { layers, decay } = config.output;
  const ascending = [...new Set(layers)].toSorted((a, b) => a - b);
  return { decay, layers: new Map(ascending.map((layer) => [layer, layerWeights(weights, model, layer)])) };
}

/**
 * What makes trails: `trail` [tokens, tokens] of states, and `fading` [tokens, 1], what is left of the trail before them. A trail is the
 * decaying sum of the states up to a token, as large as one of them where they are independent.
 */
export function trailFeeds(decay: number, tokens: number): Feeds {
  const trail = new Float32Array(tokens * tokens);
  const size = Math.sqrt(1 - decay * decay);
  for (let row = 0; row < tokens; row++) {
    for (let column = 0; column <= row; column++) trail[row * tokens + column] = size * decay ** (row - column);
  }
  const fading = Float32Array.from({ length: tokens }, (_, row) => decay ** (row + 1));
  return { trail: floatTensor(trail, [tokens, tokens]), fading: floatTensor(fading, [tokens, 1]) };
}

function layerWeights(
  { path, tensors }: StrategyWeights,
  { heads, kvHeads, headDim, hidden }: ModelConfig,
  layer: number,
): InfiniLayerWeights {
  const [width, kvWidth] = [heads * headDim, kvHeads * headDim];
  const values = (name: string, shape: readonly number[]) => {
    const tensor = tensors.get(`${layer}.${name}`);
    if (tensor?.shape.join() === shape.join()) return tensor.values;
    throw invalidModel(path, `tensor ${layer}.${name}`, `is not there in shape [${shape.join(", ")}]`);
  };
  /** Stored [out, in], as PyTorch has it; a product in a graph takes [in, out]. */
  const map = (name: string, columns: number, rows: number) =>
    floatTensor(transposed(values(`${name}.weight`, [rows, columns]), rows, columns), [columns, rows]);
  const vector = (name: string, size: number, shape = [size]) => floatTensor(values(name, [size]), shape);
  return {
    write: {
      kv_mean: vector("kv_mean", 2 * kvWidth),
      kv_scale: vector("kv_scale", 2 * kvWidth),
      key_weight: map("key", 6 * kvWidth, kvWidth),
      key_bias: vector("key.bias", kvWidth),
      value_weight: map("value", 2 * kvWidth, kvWidth),
      value_bias: vector("value.bias", kvWidth),
    },
    read: {
      query_mean: vector("query_mean", width),
      query_scale: vector("query_scale", width),
      query_weight: map("query", 2 * width, width),
      query_bias: vector("query.bias", width),
      gate: vector("gate", heads),
      null: vector("null", kvWidth, [kvHeads, headDim]),
      output: map("output", width, hidden),
    },
  };
}

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = matrix[row * columns + column]!;
  }
  return result;
}
