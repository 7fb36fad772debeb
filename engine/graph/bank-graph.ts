/** Searching a bank of keys and values, and attention to what was found: the memory's part of the side network's graph. */
import type { ModelConfig } from "../models/model-source.ts";
import { emitHeadMajor } from "./attention.ts";
import { emitLowRank, type LowRank } from "./low-rank.ts";
import type { OnnxGraph } from "./onnx-writer.ts";

/** How a side layer reads the bank. */
export interface ReaderWeights {
  query: LowRank;
  /** What queries are multiplied by: 1 / (sqrt(headDim) * temperature), a head. */
  scale: Float32Array; // [heads]
  /** The key whose value is 0, and what is added to its score. */
  nullKey: Float32Array; // [heads, headDim]
  nullBias: Float32Array; // [heads]
  gate: Float32Array; // [heads], before the sigmoid
  /** What is added to the null key's score, and taken from the gate, when a bank is e times as large as usual. */
  nullBySize: Float32Array; // [heads]
  gateBySize: Float32Array; // [heads]
  output: Float32Array; // [heads * headDim, hidden]
}

/** Names of what a search gave. */
export interface Retrieved {
  /** Keys and values, [kvHeads, T * group, found, headDim]. */
  keys: string;
  values: string;
  /** 0, or far below 0 for padding, [kvHeads, T * group, found]. */
  bias: string;
}

/**
 * Emits the search of un-rotated queries `query` [1, T, heads * headDim] among the mean keys of chunks, a head by itself. Inputs that it
 * declares: `chunk_keys` [kvHeads, chunks, headDim]; `bank_keys` and `bank_values` [kvHeads * rows, headDim] and `bank_bias` [rows], 0 or far
 * below 0 for padding, where rows = chunks * chunk; `bank_tokens` [1], those without padding. There are at least `found` chunks, and whole
 * chunks of padding only where there are no more: then all are found. Puts out `memory_rows`.
 */
export function emitSearch(
  graph: OnnxGraph,
  config: Pick<ModelConfig, "heads" | "kvHeads" | "headDim">,
  { chunk, found }: { chunk: number; found: number },
): Retrieved {
  const { heads, kvHeads, headDim } = config;
  graph.input("chunk_keys", "float32", [kvHeads, "chunks", headDim]);
  for (const name of ["bank_keys", "bank_values"]) graph.input(name, "float32", ["allRows", headDim]);
  graph.input("bank_bias", "float32", ["bankRows"]);
  graph.input("bank_tokens", "float32", [1]);
  const split = emitHeadMajor(graph, "query", [-1, kvHeads, heads / kvHeads, headDim]);
  const queries = graph.node("Reshape", [split, graph.integers(kvHeads, -1, headDim)]);
  const scores = graph.contrib("FusedMatMul", [queries, "chunk_keys"], { transB: 1 });
  const [best, chunks] = [graph.fresh(), graph.fresh()];
  graph.nodeWithOutputs("TopK", [scores, graph.integers(found)], [best, chunks], { axis: -1, sorted: 0 });
  const first = graph.node("Mul", [graph.node("Unsqueeze", [chunks, graph.integers(3)]), graph.integers(chunk)]);
  const within = graph.integers(...Array.from({ length: chunk }, (_, i) => i));
  const shape = graph.integers(kvHeads, -1, found * chunk);
  const rows = graph.node("Reshape", [graph.node("Add", [first, within]), shape], {}, "memory_rows");
  graph.output(rows, "int64", [kvHeads, "queries", found * chunk]);
  const numbers = graph.constant(
    "kv heads",
    "int64",
    [kvHeads, 1, 1],
    BigInt64Array.from({ length: kvHeads }, (_, i) => BigInt(i)),
  );
  const offset = graph.node("Mul", [numbers, graph.node("Shape", ["bank_bias"])]);
  const flat = graph.node("Add", [rows, offset]);
  return {
    keys: graph.node("Gather", ["bank_keys", flat]),
    values: graph.node("Gather", ["bank_values", flat]),
    bias: graph.node("Gather", ["bank_bias", rows]),
  };
}

/**
 * Emits attention to what was found, with a softmax of its own that one more key, whose value is 0, takes part in. Returns
 * what local attention [1, T, heads * headDim] is multiplied by, `kept`; what is added to the residual, [1, T, hidden]; the
 * softmax's `weights` of what was found, [kvHeads, T * group, found]; and the `gates`, [heads].
 *
 * The best of n chunks of no meaning score higher the larger n is (for random scores by the square root of 2 ln n), so that more of what is
 * found was not meant: in a bank of more than `usualBank` tokens the null key scores higher and the gates close, by the logarithm of the size.
 */
export function emitRead(
  graph: OnnxGraph,
  config: ModelConfig,
  reader: ReaderWeights,
  index: number,
  usualBank: number,
  { normed, residual }: { normed: string; residual: string },
  { keys, values, bias }: Retrieved,
): { kept: string; added: string; weights: string; gates: string } {
  const { heads, kvHeads, headDim } = config;
  const [group, width] = [heads / kvHeads, heads * headDim];
  const excess = emitExcess(graph, usualBank);
  const changed = graph.node("Add", ["query", emitLowRank(graph, `reader.${index}`, reader.query, normed)]);
  const scale = graph.constant(`reader_scale.${index}`, "float32", [heads], reader.scale);
  const scaled = graph.node("Mul", [changed, emitSpread(graph, config, scale)]);
  const split = emitHeadMajor(graph, scaled, [-1, kvHeads, group, headDim]);
  const single = graph.node("Reshape", [split, graph.integers(kvHeads, -1, 1, headDim)]);
  const shape = graph.node("Shape", [bias]);
  const products = graph.node("Reshape", [graph.contrib("FusedMatMul", [single, keys], { transB: 1 }), shape]);
  const scores = graph.node("Add", [products, bias]);
  const nothing = emitNullScores(graph, config, reader, index, split, excess);
  const weights = graph.node("Softmax", [graph.node("Concat", [nothing, scores], { axis: 2 })], { axis: -1 });
  const end = graph.integers(2 ** 31 - 1);
  const found = graph.node("Slice", [weights, graph.integers(1), end, graph.integers(2)]);
  const read = graph.node("MatMul", [graph.node("Unsqueeze", [found, graph.integers(2)]), values]);
  const grouped = graph.node("Reshape", [read, graph.integers(kvHeads, -1, group, headDim)]);
  const tokenMajor = graph.node("Transpose", [grouped], { perm: [1, 0, 2, 3] });
  const joined = graph.node("Reshape", [tokenMajor, graph.integers(1, -1, width)]);
  const gates = emitGates(graph, config, reader, index, excess);
  const gate = emitSpread(graph, config, gates);
  const matrix = graph.constant(`reader_output.${index}`, "float32", [width, config.hidden], reader.output);
  const mapped = graph.node("MatMul", [graph.node("Mul", [joined, gate]), matrix]);
  return {
    weights: found,
    gates,
    kept: graph.node("Sub", [graph.scalar(1), gate]),
    added: graph.node("Mul", [mapped, emitSize(graph, config, residual)]),
  };
}

/** The logarithm of how many times as large as usual the bank is, [1]; at least 0. */
function emitExcess(graph: OnnxGraph, usualBank: number): string {
  const times = graph.node("Mul", ["bank_tokens", graph.scalar(1 / usualBank)]);
  return graph.node("Log", [graph.node("Max", [times, graph.scalar(1)])]);
}

/** One number a head as one a column of joined heads, [heads * headDim]. */
function emitSpread(graph: OnnxGraph, { heads, headDim }: ModelConfig, vector: string): string {
  const rows = graph.node("Reshape", [vector, graph.integers(heads, 1)]);
  return graph.node("Reshape", [graph.node("Expand", [rows, graph.integers(heads, headDim)]), graph.integers(-1)]);
}

/** [heads]; 0 where the bank is empty. */
function emitGates(
  graph: OnnxGraph,
  { heads }: ModelConfig,
  { gate, gateBySize }: ReaderWeights,
  index: number,
  excess: string,
): string {
  const logit = graph.constant(`reader_gate.${index}`, "float32", [heads], gate);
  const bySize = graph.constant(`reader_gate_by_size.${index}`, "float32", [heads], gateBySize);
  const open = graph.node("Sigmoid", [graph.node("Sub", [logit, graph.node("Mul", [bySize, excess])])]);
  return graph.node("Mul", [open, graph.node("Min", ["bank_tokens", graph.scalar(1)])]);
}

/** Scores [kvHeads, T * group, 1] of the key whose value is 0; `split` [kvHeads, T, group, headDim] are the queries. */
function emitNullScores(
  graph: OnnxGraph,
  { heads, kvHeads, headDim }: ModelConfig,
  { nullKey, nullBias, nullBySize }: ReaderWeights,
  index: number,
  split: string,
  excess: string,
): string {
  const shape = [kvHeads, 1, heads / kvHeads];
  const key = graph.constant(`reader_null.${index}`, "float32", [...shape, headDim], nullKey);
  const bias = graph.constant(`reader_null_bias.${index}`, "float32", [...shape, 1], nullBias);
  const bySize = graph.constant(`reader_null_by_size.${index}`, "float32", [...shape, 1], nullBySize);
  const added = graph.node("Add", [bias, graph.node("Mul", [bySize, excess])]);
  const products = graph.node("ReduceSum", [graph.node("Mul", [split, key]), graph.integers(3)], { keepdims: 1 });
  return graph.node("Reshape", [graph.node("Add", [products, added]), graph.integers(kvHeads, -1, 1)]);
}

/** The root mean square of each row, [1, T, 1]. */
function emitSize(graph: OnnxGraph, { normEpsilon }: ModelConfig, residual: string): string {
  const squares = graph.node("Mul", [residual, residual]);
  const mean = graph.node("ReduceMean", [squares, graph.integers(-1)], { keepdims: 1 });
  return graph.node("Sqrt", [graph.node("Add", [mean, graph.scalar(normEpsilon)])]);
}
