/** The trained side network of LongMem, checked against the model that it is for. */
import * as v from "valibot";
import type { ReaderWeights } from "../graph/bank-graph.ts";
import type { LowRank } from "../graph/low-rank.ts";
import type { SideLayerWeights } from "../graph/side-graph.ts";
import { invalidModel } from "../models/invalid-model.ts";
import type { ModelConfig } from "../models/model-source.ts";
import type { StrategyWeights } from "../models/strategy-weights.ts";

/** Layers of the backbone that a side layer stands for. */
export const LAYERS_PER_SIDE_LAYER = 2;

/** A side network as it was trained. */
export interface LongMemWeights {
  /** The backbone's layer whose keys and values are kept. */
  bankLayer: number;
  /** Tokens of a chunk, and tokens that each query of each head gets. */
  chunk: number;
  retrieved: number;
  /** Tokens of a bank up to which all banks are read alike. */
  usualBank: number;
  /** The side layer of `layers[0]`; layer l starts as the backbone's layer 2l. */
  firstLayer: number;
  layers: readonly SideLayerWeights[];
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096));
const Config = v.object({
  bank_layer: count,
  first_layer: count,
  memory_layers: v.pipe(v.array(count), v.minLength(1)),
  chunk: count,
  retrieved: count,
  rank: count,
  usual_bank: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1 << 24)),
});

/** @throws RepoMemoryError "model-invalid" where tensors are missing or do not fit the model */
export function longMemWeights(weights: StrategyWeights, model: ModelConfig): LongMemWeights {
  const parsed = v.safeParse(Config, weights.config);
  const sideLayers = Math.floor(model.layers / LAYERS_PER_SIDE_LAYER);
  const fits = ({ bank_layer, first_layer, memory_layers, chunk, retrieved }: v.InferOutput<typeof Config>) =>
    bank_layer < model.layers &&
    retrieved % chunk === 0 &&
    LAYERS_PER_SIDE_LAYER * first_layer <= bank_layer &&
    memory_layers.every((layer) => layer >= first_layer && layer < sideLayers);
  if (!parsed.success || !fits(parsed.output)) throw invalidModel(weights.path, "config", "does not fit the model");
  const { bank_layer, first_layer, memory_layers, chunk, retrieved, rank, usual_bank } = parsed.output;
  const reader = new TensorReader(weights, rank);
  const layers: SideLayerWeights[] = [];
  for (let layer = first_layer; layer < sideLayers; layer++) {
    const own = sideLayer(reader, `layers.${layer}`, model);
    layers.push(
      memory_layers.includes(layer) ? { ...own, reader: memoryReader(reader, `layers.${layer}`, model) } : own,
    );
  }
  return { bankLayer: bank_layer, chunk, retrieved, usualBank: usual_bank, firstLayer: first_layer, layers };
}

function sideLayer(tensors: TensorReader, name: string, config: ModelConfig): SideLayerWeights {
  const { hidden, heads, kvHeads, headDim, intermediate } = config;
  const width = heads * headDim;
  return {
    attentionNorm: tensors.get(`${name}.attention_norm`, [hidden]),
    feedForwardNorm: tensors.get(`${name}.feed_forward_norm`, [hidden]),
    qkv: tensors.lowRank(`${name}.qkv`, hidden, width + 2 * kvHeads * headDim),
    output: tensors.lowRank(`${name}.output`, width, hidden),
    gateUp: tensors.lowRank(`${name}.gate_up`, hidden, 2 * intermediate),
    down: tensors.lowRank(`${name}.down`, intermediate, hidden),
    attentionScale: tensors.get(`${name}.attention_scale`, [hidden]),
    feedForwardScale: tensors.get(`${name}.feed_forward_scale`, [hidden]),
  };
}

function memoryReader(tensors: TensorReader, layer: string, config: ModelConfig): ReaderWeights {
  const { hidden, heads, headDim } = config;
  const name = `${layer}.memory`;
  const perHead = (tensor: string) => tensors.get(`${name}.${tensor}`, [heads]);
  return {
    query: tensors.lowRank(`${name}.query`, hidden, heads * headDim),
    scale: perHead("temperature").map((logarithm) => Math.exp(-logarithm) / Math.sqrt(headDim)),
    nullKey: tensors.get(`${name}.null_key`, [heads, headDim]),
    nullBias: perHead("null_bias"),
    gate: perHead("gate"),
    nullBySize: perHead("null_by_size"),
    gateBySize: perHead("gate_by_size"),
    output: transposed(tensors.get(`${name}.output`, [hidden, heads * headDim]), hidden),
  };
}

/** Finds tensors by name, in the shapes that they must have. */
class TensorReader {
  readonly #weights: StrategyWeights;
  readonly #rank: number;

  constructor(weights: StrategyWeights, rank: number) {
    this.#weights = weights;
    this.#rank = rank;
  }

  get(name: string, shape: readonly number[]): Float32Array {
    const tensor = this.#weights.tensors.get(name);
    if (tensor?.shape.join() === shape.join()) return tensor.values;
    throw invalidModel(this.#weights.path, `tensor ${name}`, `is not there in shape [${shape.join(", ")}]`);
  }

  /** Stored [out, in], as PyTorch has it; a product in a graph takes [in, out]. */
  lowRank(name: string, columns: number, rows: number): LowRank {
    const rank = this.#rank;
    const down = transposed(this.get(`${name}.down`, [rank, columns]), rank);
    return { down, up: transposed(this.get(`${name}.up`, [rows, rank]), rows), rank };
  }
}

function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = matrix[row * columns + column]!;
  }
  return result;
}
