/** Attention over a window: what is already there (`past`) and the tokens of this run. */
import type { ModelConfig } from "../models/model-source.ts";
import type { OnnxGraph } from "./onnx-writer.ts";

/** Rows of queries that share one product with their keys; a causal run of 512 rows then skips 3/8 of the square. */
export const CHUNK_ROWS = 128;
/** Chunks that a prefill graph has room for. */
export const CHUNKS = 4;
/** Most tokens that one prefill run takes. */
export const PREFILL_ROWS = CHUNK_ROWS * CHUNKS;

/** Values of one layer: q rotated [1, T, heads * headDim]; keys rotated and values [1, T, kvHeads * headDim]. */
export interface LayerValues {
  query: string;
  key: string;
  value: string;
}

/** Names of a layer's inputs: keys (rotated) and values of the window so far, [kvHeads, 1, S, headDim]. */
export function pastNames(layer: number): { keys: string; values: string } {
  return { keys: `past_keys.${layer}`, values: `past_values.${layer}` };
}

/** What dot products are multiplied by. */
export function scaling(config: ModelConfig) {
  return { float: 1 / Math.sqrt(config.headDim) };
}

/**
 * One token against S + 1 keys. Past and new keys are never joined: two score products, one softmax, two value products.
 * Each query head is a product of its own: onnxruntime reads the keys where they lie for one row, but copies them into
 * another order for the several rows of a group. The query is scaled beforehand, as only a product without a factor goes that
 * way. `bias` [1, S + 1] closes the unused end of the past's buffers. Returns the output [1, 1, heads * headDim] and the
 * attention weights [kvHeads, heads / kvHeads, 1, S + 1].
 */
export function emitDecodeAttention(
  graph: OnnxGraph,
  config: ModelConfig,
  layer: number,
  values: LayerValues,
): { output: string; weights: string } {
  const { kvHeads, headDim, heads } = config;
  const past = pastNames(layer);
  const scaled = graph.node("Mul", [values.query, graph.scalar(scaling(config).float)]);
  const query = graph.node("Reshape", [scaled, graph.integers(kvHeads, heads / kvHeads, 1, headDim)]);
  const key = graph.node("Reshape", [values.key, graph.integers(kvHeads, 1, 1, headDim)]);
  const value = graph.node("Reshape", [values.value, graph.integers(kvHeads, 1, 1, headDim)]);
  const pastScores = graph.contrib("FusedMatMul", [query, past.keys], { transB: 1 });
  const ownScore = graph.contrib("FusedMatMul", [query, key], { transB: 1 });
  const scores = graph.node("Concat", [pastScores, ownScore], { axis: 3 });
  const weights = graph.node("Softmax", [graph.node("Add", [scores, "bias"])], { axis: -1 });
  const [pastWeights, ownWeight] = [graph.fresh(), graph.fresh()];
  graph.nodeWithOutputs("Split", [weights, splitSizes(graph)], [pastWeights, ownWeight], { axis: 3 });
  const fromPast = graph.node("MatMul", [pastWeights, past.values]);
  const sum = graph.node("Add", [fromPast, graph.node("Mul", [ownWeight, value])]);
  return { output: graph.node("Reshape", [sum, graph.integers(1, 1, heads * headDim)]), weights };
}

/** [S, 1], once a graph. */
function splitSizes(graph: OnnxGraph): string {
  const name = "split_sizes";
  if (graph.has(name)) return name;
  const all = graph.node("Shape", ["bias"], { start: 1 });
  const past = graph.node("Sub", [all, graph.integers(1)]);
  return graph.node("Concat", [past, graph.integers(1)], { axis: 0 }, name);
}

/**
 * Up to `PREFILL_ROWS` tokens against the past and themselves, `CHUNK_ROWS` rows at a time. Chunk c has the input
 * `bias.c` [rows, keys]: `keys` says how many of past + new keys it reads (those up to its own end), the values
 * which of them each row may see. A chunk that a short run has no rows for is given [0, 0]. Each query head is a product of
 * its own: folded by KV head, the products would be too few to share evenly among threads.
 */
export function emitPrefillAttention(
  graph: OnnxGraph,
  config: ModelConfig,
  layer: number,
  values: LayerValues,
): string {
  const { kvHeads, headDim, heads } = config;
  const past = pastNames(layer);
  const query = emitGroups(graph, values.query, [-1, kvHeads, heads / kvHeads, headDim]);
  const newKeys = emitGroups(graph, values.key, [-1, kvHeads, 1, headDim]);
  const newValues = emitGroups(graph, values.value, [-1, kvHeads, 1, headDim]);
  const allKeys = graph.node("Concat", [past.keys, newKeys], { axis: 2 });
  const allValues = graph.node("Concat", [past.values, newValues], { axis: 2 });
  const outputs: string[] = [];
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const end = chunkKeys(graph, chunk);
    const start = chunk * CHUNK_ROWS;
    const rows = slice(graph, query, graph.integers(start), graph.integers(start + CHUNK_ROWS));
    const keys = slice(graph, allKeys, graph.integers(0), end);
    const scores = graph.contrib("FusedMatMul", [rows, keys], { transB: 1, alpha: scaling(config) });
    const weights = graph.node("Softmax", [graph.node("Add", [scores, `bias.${chunk}`])], { axis: -1 });
    outputs.push(graph.node("MatMul", [weights, slice(graph, allValues, graph.integers(0), end)]));
  }
  const joined = graph.node("Concat", outputs, { axis: 2 });
  const tokenMajor = graph.node("Transpose", [joined], { perm: [2, 0, 1, 3] });
  return graph.node("Reshape", [tokenMajor, graph.integers(1, -1, heads * headDim)]);
}

/** [1, T, kvHeads * group * headDim] as [kvHeads, group, T, headDim]; `shape` is [-1, kvHeads, group, headDim]. */
function emitGroups(graph: OnnxGraph, value: string, shape: number[]): string {
  const split = graph.node("Reshape", [value, graph.integers(...shape)]);
  return graph.node("Transpose", [split], { perm: [1, 2, 0, 3] });
}

/** [1, T, kvHeads * …] as [kvHeads, T, …]. */
export function emitHeadMajor(graph: OnnxGraph, value: string, shape: number[]): string {
  const split = graph.node("Reshape", [value, graph.integers(...shape)]);
  return graph.node("Transpose", [split], { perm: shape.length === 4 ? [1, 0, 2, 3] : [1, 0, 2] });
}

/** Rows from `start` to before `end` of each head. */
function slice(graph: OnnxGraph, value: string, start: string, end: string): string {
  return graph.node("Slice", [value, start, end, graph.integers(2)]);
}

/** How many keys a chunk reads, as int64 [1]. */
function chunkKeys(graph: OnnxGraph, chunk: number): string {
  const name = `chunk_keys.${chunk}`;
  return graph.has(name) ? name : graph.node("Shape", [`bias.${chunk}`], { start: 1 }, name);
}
