/**
 * The decoder cut open at each layer's attention, so that a memory can choose for every layer what it attends to. Stage s
 * ends layer s - 1 (output product, feed-forward) and begins layer s (norm, queries, keys, values); the first begins with
 * the embedding, the last ends with the final norm. Attention is one graph without weights that all layers share.
 */
import type { ModelConfig } from "../models/model-source.ts";
import { emitHeadMajor, scaling } from "./attention.ts";
import {
  emitAttentionOutput,
  emitEmbedding,
  emitFeedForward,
  emitNorm,
  emitOutput,
  emitProjections,
  emitRotation,
  emitSkipNorm,
  type PackedModel,
} from "./decoder.ts";
import { type ExternalData, OnnxGraph } from "./onnx-writer.ts";

/**
 * Writes stage `stage` of [0, layers]. Inputs: `tokens` int64 [1, T] of the first, of the others `attended`
 * [1, T, heads * headDim] and `residual` [1, T, hidden]. Outputs: `next_residual`; of the last `hidden`, of the others, un-rotated,
 * `query` [1, T, heads * headDim], `keys` and `values` [1, T, kvHeads * headDim].
 */
export function writeStage(config: ModelConfig, model: PackedModel, stage: number): Uint8Array {
  const { heads, kvHeads, headDim, hidden } = config;
  const graph = new OnnxGraph();
  const { normed, residual } =
    stage === 0 ? emitFirst(graph, config, model) : emitLayerEnd(graph, config, model, stage);
  const layer = model.layers[stage];
  emitOutput(graph, residual, "next_residual", [1, "T", hidden]);
  if (!layer) {
    emitOutput(graph, normed, "hidden", [1, "T", hidden]);
    return graph.serialize();
  }
  const { query, key, value } = emitProjections(graph, config, layer, stage, normed);
  emitOutput(graph, query, "query", [1, "T", heads * headDim]);
  emitOutput(graph, key, "keys", [1, "T", kvHeads * headDim]);
  emitOutput(graph, value, "values", [1, "T", kvHeads * headDim]);
  return graph.serialize();
}

function emitFirst(graph: OnnxGraph, config: ModelConfig, model: PackedModel) {
  graph.input("tokens", "int64", [1, "T"]);
  const residual = emitEmbedding(graph, config, model.embedding);
  return { normed: emitNorm(graph, "attention_norm.0", residual, model.layers[0]?.attentionNorm, config), residual };
}

/** Everything of layer `stage` - 1 behind its attention, and the norm after it. */
function emitLayerEnd(graph: OnnxGraph, config: ModelConfig, model: PackedModel, stage: number) {
  const index = stage - 1;
  const layer = model.layers[index];
  if (!layer) throw new RangeError(`A model of ${model.layers.length} layers has no stage ${stage}`);
  graph.input("attended", "float32", [1, "T", config.heads * config.headDim]);
  graph.input("residual", "float32", [1, "T", config.hidden]);
  const output = emitAttentionOutput(graph, layer, index, "attended");
  const name = `feed_forward_norm.${index}`;
  const { normed, sum } = emitSkipNorm(graph, name, output, "residual", layer.feedForwardNorm, config);
  const fed = emitFeedForward(graph, config, layer, index, normed);
  const norm = model.layers[stage]?.attentionNorm ?? model.finalNorm;
  const end = emitSkipNorm(graph, `attention_norm.${stage}`, fed, sum, norm, config);
  return { normed: end.normed, residual: end.sum };
}

/**
 * Writes attention over far and near tokens with one softmax (InfLLM, arXiv 2402.04617). Near keys are rotated to
 * `near_positions` and met by queries at `query_positions`; far keys stay at position 0 and are met by the same queries at
 * `far_positions`: all at one distance. Inputs un-rotated: `query` [1, T, heads * headDim], `near_keys`, `near_values`
 * [1, N, kvHeads * headDim], `far_keys`, `far_values` [1, F, kvHeads * headDim]; `bias` [T, 1, F + N] closes what a row may not see.
 * Outputs: `attended` [1, T, heads * headDim] and `mass` [kvHeads, heads / kvHeads, F + N], attention summed over rows.
 */
export function writeSplitAttention(
  config: ModelConfig,
  rope: { cos: ExternalData; sin: ExternalData },
  positions: number,
): Uint8Array {
  const graph = new OnnxGraph();
  const { heads, kvHeads, headDim } = config;
  const group = heads / kvHeads;
  declareInputs(graph, config, rope, positions);
  const near = emitScores(
    graph,
    config,
    "query_positions",
    emitRotation(graph, "near_keys", kvHeads, "near_positions"),
  );
  const far = emitScores(graph, config, "far_positions", "far_keys");
  const shape = graph.node("Shape", ["bias"]);
  const columns = graph.node("Slice", [shape, graph.integers(2), graph.integers(3)]);
  const perRow = graph.node("Concat", [graph.integers(kvHeads, -1, group), columns], { axis: 0 });
  const folded = graph.node("Concat", [graph.integers(kvHeads, -1), columns], { axis: 0 });
  const scores = graph.node("Reshape", [graph.node("Concat", [far, near], { axis: 2 }), perRow]);
  const weights = graph.node("Softmax", [graph.node("Add", [scores, "bias"])], { axis: -1 });
  graph.node("ReduceSum", [weights, graph.integers(1)], { keepdims: 0 }, "mass");
  const allValues = graph.node("Concat", ["far_values", "near_values"], { axis: 1 });
  const values = emitHeadMajor(graph, allValues, [-1, kvHeads, headDim]);
  const sum = graph.node("MatMul", [graph.node("Reshape", [weights, folded]), values]);
  const split = graph.node("Reshape", [sum, graph.integers(kvHeads, -1, group, headDim)]);
  const tokenMajor = graph.node("Transpose", [split], { perm: [1, 0, 2, 3] });
  graph.node("Reshape", [tokenMajor, graph.integers(1, -1, heads * headDim)], {}, "attended");
  graph.output("attended", "float32", [1, "T", heads * headDim]);
  graph.output("mass", "float32", [kvHeads, group, "F+N"]);
  return graph.serialize();
}

function declareInputs(
  graph: OnnxGraph,
  { heads, kvHeads, headDim }: ModelConfig,
  rope: { cos: ExternalData; sin: ExternalData },
  positions: number,
): void {
  graph.input("query", "float32", [1, "T", heads * headDim]);
  for (const [kind, length] of [
    ["near", "N"],
    ["far", "F"],
  ] as const) {
    graph.input(`${kind}_keys`, "float32", [1, length, kvHeads * headDim]);
    graph.input(`${kind}_values`, "float32", [1, length, kvHeads * headDim]);
  }
  graph.input("query_positions", "int64", [1, "T"]);
  graph.input("far_positions", "int64", [1, "T"]);
  graph.input("near_positions", "int64", [1, "N"]);
  graph.input("bias", "float32", ["T", 1, "F+N"]);
  graph.constant("rope.cos", "float32", [positions, headDim / 2], rope.cos);
  graph.constant("rope.sin", "float32", [positions, headDim / 2], rope.sin);
}

/** Scores [kvHeads, T * group, keys] of the queries at `positions` with keys [1, keys, kvHeads * headDim]. */
function emitScores(graph: OnnxGraph, config: ModelConfig, positions: string, keys: string): string {
  const { heads, kvHeads, headDim } = config;
  const rotated = emitRotation(graph, "query", heads, positions);
  const query = emitHeadMajor(graph, rotated, [-1, kvHeads, heads / kvHeads, headDim]);
  const folded = graph.node("Reshape", [query, graph.integers(kvHeads, -1, headDim)]);
  const product = { transB: 1, alpha: scaling(config) };
  return graph.contrib("FusedMatMul", [folded, emitHeadMajor(graph, keys, [-1, kvHeads, headDim])], product);
}
