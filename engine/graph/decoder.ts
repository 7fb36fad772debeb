/**
 * The decoder of the Llama family as ONNX graphs. Keys leave the graph un-rotated, so that the memory can place them
 * anywhere; a graph knows neither blocks nor files.
 */
import type { ModelConfig } from "../models/model-source.ts";
import { CHUNKS, emitDecodeAttention, emitPrefillAttention, type LayerValues, pastNames } from "./attention.ts";
import { emitLinear, type PackedLinear } from "./linear.ts";
import { type ExternalData, OnnxGraph } from "./onnx-writer.ts";

/** The packed tensors of one layer; `qkv` and `gateUp` are fused along their outputs. */
export interface PackedLayer {
  attentionNorm: Float32Array;
  qkv: PackedLinear;
  qkvBias?: Float32Array;
  queryNorm?: Float32Array;
  keyNorm?: Float32Array;
  output: PackedLinear;
  /** Divides what goes into `output`, channel by channel [heads * headDim]; SmoothQuant's scales. */
  outputSmoothing?: Float32Array;
  feedForwardNorm: Float32Array;
  gateUp: PackedLinear;
  down: PackedLinear;
}

/** The embedding: 8-bit blocks of 32 (codes as uint8 about 128), or float32. */
export type PackedEmbedding =
  | { format: "float32"; weight: ExternalData }
  | { format: "nbits8"; codes: ExternalData; scales: ExternalData };

export interface PackedModel {
  embedding: PackedEmbedding;
  layers: PackedLayer[];
  finalNorm: Float32Array;
}

export interface DecoderOptions {
  /** `decode`: one token, T = 1. `prefill`: up to `PREFILL_ROWS` tokens. */
  mode: "decode" | "prefill";
  /** Rows of the rope table: positions that the graph knows. */
  positions: number;
  rope: { cos: ExternalData; sin: ExternalData };
  /** Layers whose attention weights come out as `attention.N` (decode only). */
  attentionOf?: readonly number[];
  /** Layers whose un-rotated queries come out as `query.N` [1, T, heads * headDim]. */
  queriesOf?: readonly number[];
  /** Layers whose residual stream comes out behind them as `residual.N` [1, T, hidden]. */
  hiddenOf?: readonly number[];
  /** Also put out each product's largest input by channel, for calibration: `peak.N.qkv|output|gateUp|down`. */
  peaks?: boolean;
}

/** Names of a layer's new keys (un-rotated) and values, [1, T, kvHeads * headDim]. */
export function newNames(layer: number): { keys: string; values: string } {
  return { keys: `new_keys.${layer}`, values: `new_values.${layer}` };
}

/**
 * Writes the whole decoder. Inputs: `tokens` and `positions` int64 [1, T], the past of each layer, `bias` or
 * `bias.0`…; outputs: new keys and values of each layer and `hidden` [1, T, hidden] after the final norm.
 */
export function writeDecoder(config: ModelConfig, model: PackedModel, options: DecoderOptions): Uint8Array {
  const graph = new OnnxGraph();
  declareInputs(graph, config, options);
  let residual = emitEmbedding(graph, config, model.embedding);
  let normed = emitNorm(graph, "attention_norm.0", residual, model.layers[0]?.attentionNorm, config);
  model.layers.forEach((layer, index) => {
    const attended = emitSelfAttention(graph, config, layer, index, normed, options);
    const afterAttention = emitSkipNorm(
      graph,
      `feed_forward_norm.${index}`,
      attended,
      residual,
      layer.feedForwardNorm,
      config,
    );
    const fed = emitFeedForward(graph, config, layer, index, afterAttention.normed, options);
    const nextNorm = model.layers[index + 1]?.attentionNorm ?? model.finalNorm;
    ({ normed, sum: residual } = emitSkipNorm(
      graph,
      `attention_norm.${index + 1}`,
      fed,
      afterAttention.sum,
      nextNorm,
      config,
    ));
    if (options.hiddenOf?.includes(index)) emitOutput(graph, residual, `residual.${index}`, [1, "T", config.hidden]);
  });
  emitOutput(graph, normed, "hidden", [1, "T", config.hidden]);
  return graph.serialize();
}

/** Writes the output layer: `hidden` [1, T, hidden] to `logits` [1, T, vocabulary]. */
export function writeHead(config: ModelConfig, output: PackedLinear): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("hidden", "float32", [1, "T", config.hidden]);
  emitOutput(graph, emitLinear(graph, "output", output, "hidden"), "logits", [1, "T", config.vocabulary]);
  return graph.serialize();
}

function declareInputs(graph: OnnxGraph, config: ModelConfig, options: DecoderOptions): void {
  const { kvHeads, headDim } = config;
  graph.input("tokens", "int64", [1, "T"]);
  graph.input("positions", "int64", [1, "T"]);
  if (options.mode === "decode") graph.input("bias", "float32", [1, "S1"]);
  else {
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      graph.input(`bias.${chunk}`, "float32", [`rows.${chunk}`, `keys.${chunk}`]);
    }
  }
  for (let layer = 0; layer < config.layers; layer++) {
    const past = pastNames(layer);
    for (const name of [past.keys, past.values]) graph.input(name, "float32", [kvHeads, 1, "S", headDim]);
  }
  const half = [options.positions, headDim / 2];
  graph.constant("rope.cos", "float32", half, options.rope.cos);
  graph.constant("rope.sin", "float32", half, options.rope.sin);
}

/** Puts a value out under a name. */
export function emitOutput(graph: OnnxGraph, value: string, name: string, dimensions: (number | string)[]): void {
  graph.node("Identity", [value], {}, name);
  graph.output(name, "float32", dimensions);
}

/** `tokens` [1, T] to the residual stream [1, T, hidden]. */
export function emitEmbedding(graph: OnnxGraph, config: ModelConfig, embedding: PackedEmbedding): string {
  const { vocabulary, hidden } = config;
  if (embedding.format === "float32") {
    const weight = graph.constant("embedding", "float32", [vocabulary, hidden], embedding.weight);
    return graph.node("Gather", [weight, "tokens"]);
  }
  const blocks = hidden / 32;
  const codes = graph.constant("embedding.codes", "uint8", [vocabulary, hidden], embedding.codes);
  const scales = graph.constant("embedding.scales", "float32", [vocabulary, blocks], embedding.scales);
  const attributes = { bits: 8, block_size: 32, gather_axis: 0, quantize_axis: 1 };
  return graph.contrib("GatherBlockQuantized", [codes, "tokens", scales], attributes);
}

/** RMSNorm over the last axis. */
export function emitNorm(
  graph: OnnxGraph,
  name: string,
  input: string,
  weight: Float32Array | undefined,
  config: ModelConfig,
): string {
  const scale = graph.constant(`${name}.weight`, "float32", [weight?.length ?? 0], weight ?? new Float32Array(0));
  return graph.node("SimplifiedLayerNormalization", [input, scale], {
    axis: -1,
    epsilon: { float: config.normEpsilon },
  });
}

/** Adds `input` to `residual` and normalises the sum: both come out. */
export function emitSkipNorm(
  graph: OnnxGraph,
  name: string,
  input: string,
  residual: string,
  weight: Float32Array,
  config: ModelConfig,
): { normed: string; sum: string } {
  const scale = graph.constant(`${name}.weight`, "float32", [weight.length], weight);
  const [normed, sum] = [`${name}.normed`, `${name}.sum`];
  const attributes = { epsilon: { float: config.normEpsilon } };
  graph.nodeWithOutputs(
    "SkipSimplifiedLayerNormalization",
    [input, residual, scale],
    [normed, "", "", sum],
    attributes,
    "com.microsoft",
  );
  return { normed, sum };
}

function emitSelfAttention(
  graph: OnnxGraph,
  config: ModelConfig,
  layer: PackedLayer,
  index: number,
  input: string,
  options: DecoderOptions,
): string {
  emitPeak(graph, input, `peak.${index}.qkv`, options);
  const projected = emitProjections(graph, config, layer, index, input, newNames(index));
  const values = emitRotated(graph, config, index, projected, options);
  let attended: string;
  if (options.mode === "decode") {
    const { output, weights } = emitDecodeAttention(graph, config, index, values);
    if (options.attentionOf?.includes(index)) {
      emitOutput(graph, weights, `attention.${index}`, [config.kvHeads, config.heads / config.kvHeads, 1, "S1"]);
    }
    attended = output;
  } else attended = emitPrefillAttention(graph, config, index, values);
  emitPeak(graph, attended, `peak.${index}.output`, options);
  return emitAttentionOutput(graph, layer, index, attended);
}

/** The product behind attention: `attended` [1, T, heads * headDim] to [1, T, hidden]. */
export function emitAttentionOutput(graph: OnnxGraph, layer: PackedLayer, index: number, attended: string): string {
  if (!layer.outputSmoothing) return emitLinear(graph, `output.${index}`, layer.output, attended);
  const inverse = layer.outputSmoothing.map((scale) => 1 / scale);
  const smoothing = graph.constant(`output_smoothing.${index}`, "float32", [inverse.length], inverse);
  return emitLinear(graph, `output.${index}`, layer.output, graph.node("Mul", [attended, smoothing]));
}

/** q, k and v of one layer, un-rotated; `names` are what k and v are called where they are outputs of the graph. */
export function emitProjections(
  graph: OnnxGraph,
  config: ModelConfig,
  layer: PackedLayer,
  index: number,
  input: string,
  names?: { keys: string; values: string },
): LayerValues {
  const { heads, kvHeads, headDim } = config;
  let joined = emitLinear(graph, `qkv.${index}`, layer.qkv, input);
  if (layer.qkvBias) {
    const bias = graph.constant(`qkv_bias.${index}`, "float32", [layer.qkvBias.length], layer.qkvBias);
    joined = graph.node("Add", [joined, bias]);
  }
  const keys = names?.keys ?? graph.fresh();
  const parts = [graph.fresh(), layer.keyNorm ? graph.fresh() : keys, names?.values ?? graph.fresh()] as const;
  const sizes = graph.integers(heads * headDim, kvHeads * headDim, kvHeads * headDim);
  graph.nodeWithOutputs("Split", [joined, sizes], parts, { axis: 2 });
  const query = emitHeadNorm(graph, config, `query_norm.${index}`, parts[0], layer.queryNorm, heads);
  const key = emitHeadNorm(graph, config, `key_norm.${index}`, parts[1], layer.keyNorm, kvHeads, keys);
  return { query, key, value: parts[2] };
}

/** Puts a layer's un-rotated keys and values out, and returns what attention takes. */
function emitRotated(
  graph: OnnxGraph,
  { heads, kvHeads, headDim }: ModelConfig,
  index: number,
  { query, key, value }: LayerValues,
  options: DecoderOptions,
): LayerValues {
  const names = newNames(index);
  graph.output(names.keys, "float32", [1, "T", kvHeads * headDim]);
  graph.output(names.values, "float32", [1, "T", kvHeads * headDim]);
  if (options.queriesOf?.includes(index)) emitOutput(graph, query, `query.${index}`, [1, "T", heads * headDim]);
  return {
    query: emitRotation(graph, query, heads),
    key: emitRotation(graph, key, kvHeads),
    value,
  };
}

/** Normalises each head by itself (qwen3); without a weight, nothing. */
function emitHeadNorm(
  graph: OnnxGraph,
  config: ModelConfig,
  name: string,
  input: string,
  weight: Float32Array | undefined,
  heads: number,
  output?: string,
): string {
  if (!weight) return input;
  const split = graph.node("Reshape", [input, graph.integers(1, -1, heads, config.headDim)]);
  const normed = emitNorm(graph, name, split, weight, config);
  return graph.node("Reshape", [normed, graph.integers(1, -1, heads * config.headDim)], {}, output);
}

/** Rope at `positions` [1, T], a value of the graph; the tables are its constants `rope.cos` and `rope.sin`. */
export function emitRotation(graph: OnnxGraph, input: string, heads: number, positions = "positions"): string {
  const attributes = { num_heads: heads, interleaved: 0, rotary_embedding_dim: 0 };
  return graph.contrib("RotaryEmbedding", [input, positions, "rope.cos", "rope.sin"], attributes);
}

/** down(silu(gate(x)) * up(x)). */
export function emitFeedForward(
  graph: OnnxGraph,
  config: ModelConfig,
  layer: PackedLayer,
  index: number,
  input: string,
  options: Pick<DecoderOptions, "peaks"> = {},
): string {
  emitPeak(graph, input, `peak.${index}.gateUp`, options);
  const joined = emitLinear(graph, `gate_up.${index}`, layer.gateUp, input);
  const [gate, up] = [graph.fresh(), graph.fresh()];
  const sizes = graph.integers(config.intermediate, config.intermediate);
  graph.nodeWithOutputs("Split", [joined, sizes], [gate, up], { axis: 2 });
  // QuickGelu with alpha 1 is x * sigmoid(x): SiLU in one pass.
  const activated = graph.contrib("QuickGelu", [gate], { alpha: { float: 1 } });
  const product = graph.node("Mul", [activated, up]);
  emitPeak(graph, product, `peak.${index}.down`, options);
  return emitLinear(graph, `down.${index}`, layer.down, product);
}

/** The largest magnitude of each channel over the run, [channels]. */
function emitPeak(graph: OnnxGraph, input: string, name: string, options: Pick<DecoderOptions, "peaks">): void {
  if (!options.peaks) return;
  const peak = graph.node("ReduceMax", [graph.node("Abs", [input]), graph.integers(0, 1)], { keepdims: 0 });
  emitOutput(graph, peak, name, ["channels"]);
}
