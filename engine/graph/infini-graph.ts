/**
 * Infini-attention (arXiv 2404.07143) as graphs without weights: a layer's maps and its memory are inputs, so that one session
 * serves all layers. Memory of a KV head: `matrix` [headDim, headDim] and `mass` [headDim], float32.
 */
import type { ModelConfig } from "../models/model-source.ts";
import { emitHeadMajor } from "./attention.ts";
import { OnnxGraph } from "./onnx-writer.ts";

/** How entries get into a memory: added up, or less what the memory gives for their keys already (the delta rule). */
export type WriteRule = "linear" | "delta";

/**
 * Writes what a run of tokens adds to one layer's memory. The key of an entry is made at the token before its value, where it is
 * like the query that will look for what comes next: of the state there and of the trail of those before it; and of the value's own state,
 * by which a map can keep out what is not worth it. Inputs: un-rotated `keys` and
 * `values` [T, kvHeads * headDim]; `trail` [T, T], which makes trails of states; `kv_mean` and `kv_scale` [2 * kvHeads * headDim]; the maps
 * `key_weight` [6 * kvHeads * headDim, kvHeads * headDim] and `value_weight` [2 * …, …] with biases; for the delta rule the memory so far.
 * Outputs: `added_matrix` [kvHeads, headDim, headDim] and `added_mass` [kvHeads, headDim].
 */
export function writeInfiniEntries(config: ModelConfig, rule: WriteRule = "linear"): Uint8Array {
  const { kvHeads, headDim } = config;
  const width = kvHeads * headDim;
  const graph = new OnnxGraph();
  for (const name of ["keys", "values"]) graph.input(name, "float32", ["T", width]);
  graph.input("trail", "float32", ["T", "T"]);
  for (const name of ["kv_mean", "kv_scale"]) graph.input(name, "float32", [2 * width]);
  graph.input("key_weight", "float32", [6 * width, width]);
  graph.input("value_weight", "float32", [2 * width, width]);
  for (const name of ["key_bias", "value_bias"]) graph.input(name, "float32", [width]);
  const states = emitStandard(graph, graph.node("Concat", ["keys", "values"], { axis: 1 }), "kv");
  const both = graph.node("Concat", [states, graph.node("MatMul", ["trail", states])], { axis: 1 });
  const before = graph.node("Slice", [both, graph.integers(0), graph.integers(-1), graph.integers(0)]);
  const behind = (rows: string) =>
    graph.node("Slice", [rows, graph.integers(1), graph.integers(2 ** 31 - 1), graph.integers(0)]);
  const worth = behind(states);
  const features = emitFeature(graph, emitMap(graph, graph.node("Concat", [before, worth], { axis: 1 }), "key"));
  const mapped = graph.node("Add", [behind("values"), emitMap(graph, worth, "value")]);
  const keys = emitHeadMajor(graph, features, [-1, kvHeads, headDim]);
  let values = emitHeadMajor(graph, mapped, [-1, kvHeads, headDim]);
  if (rule === "delta") values = graph.node("Sub", [values, emitKnown(graph, config, keys)]);
  graph.contrib("FusedMatMul", [keys, values], { transA: 1 }, "added_matrix");
  graph.node("ReduceSum", [keys, graph.integers(1)], { keepdims: 0 }, "added_mass");
  graph.output("added_matrix", "float32", [kvHeads, headDim, headDim]);
  graph.output("added_mass", "float32", [kvHeads, headDim]);
  return graph.serialize();
}

/** What the memory gives for keys [kvHeads, T, headDim] as it is. */
function emitKnown(graph: OnnxGraph, config: ModelConfig, keys: string): string {
  const mass = declareMemory(graph, config);
  const found = graph.node("Max", [graph.node("MatMul", [keys, mass]), graph.scalar(1e-6)]);
  return graph.node("Div", [graph.node("MatMul", [keys, "matrix"]), found]);
}

/** Declares `matrix` and `mass`; returns the mass as columns [kvHeads, headDim, 1]. */
function declareMemory(graph: OnnxGraph, { kvHeads, headDim }: ModelConfig): string {
  graph.input("matrix", "float32", [kvHeads, headDim, headDim]);
  graph.input("mass", "float32", [kvHeads, headDim]);
  return graph.node("Unsqueeze", ["mass", graph.integers(2)]);
}

/** Each channel with the mean and deviation that it has over code taken out. */
function emitStandard(graph: OnnxGraph, states: string, kind: "kv" | "query"): string {
  return graph.node("Mul", [graph.node("Sub", [states, `${kind}_mean`]), `${kind}_scale`]);
}

function emitMap(graph: OnnxGraph, states: string, map: string): string {
  return graph.node("Add", [graph.node("MatMul", [states, `${map}_weight`]), `${map}_bias`]);
}

/** ELU + 1. */
function emitFeature(graph: OnnxGraph, states: string): string {
  return graph.node("Add", [graph.node("Elu", [states]), graph.scalar(1)]);
}

/**
 * Writes what a layer's heads read from memory. `null` is mass with a value of nothing: where nothing in memory answers, or it is empty,
 * nothing is read. Inputs: un-rotated `query` [T, heads * headDim]; the memory; `query_mean` and `query_scale`, `query_weight`
 * [2 * heads * headDim, heads * headDim] and `query_bias`; `trail` [T, T] and, for what was read before, `fading` [T, 1] and `trail_before`
 * [1, heads * headDim]; `gate` [heads] (behind the sigmoid), `null` [kvHeads, headDim]; `output` [heads * headDim, hidden].
 * Outputs: `added` [T, hidden], for the last residual, and `trails` [T, heads * headDim].
 */
export function writeInfiniRead(config: ModelConfig): Uint8Array {
  const graph = new OnnxGraph();
  const { heads, kvHeads, headDim, hidden } = config;
  const [group, width] = [heads / kvHeads, heads * headDim];
  graph.input("query", "float32", ["T", width]);
  for (const name of ["query_mean", "query_scale", "query_bias"]) graph.input(name, "float32", [width]);
  graph.input("query_weight", "float32", [2 * width, width]);
  graph.input("trail", "float32", ["T", "T"]);
  graph.input("fading", "float32", ["T", 1]);
  graph.input("trail_before", "float32", [1, width]);
  graph.input("gate", "float32", [heads]);
  graph.input("null", "float32", [kvHeads, headDim]);
  graph.input("output", "float32", [width, hidden]);
  const mass = declareMemory(graph, config);
  const split = emitHeadMajor(graph, emitAddresses(graph), [-1, kvHeads, group, headDim]);
  const features = graph.node("Reshape", [split, graph.integers(kvHeads, -1, headDim)]);
  const allMass = graph.node("Add", [mass, graph.node("Unsqueeze", ["null", graph.integers(2)])]);
  const whole = graph.node("Add", [graph.node("MatMul", [features, allMass]), graph.scalar(1e-6)]);
  const found = graph.node("Div", [graph.node("MatMul", [features, "matrix"]), whole]);
  const byHead = graph.node("Reshape", [found, graph.integers(kvHeads, -1, group, headDim)]);
  const gate = graph.node("Reshape", ["gate", graph.integers(kvHeads, 1, group, 1)]);
  const read = graph.node("Transpose", [graph.node("Mul", [gate, byHead])], { perm: [1, 0, 2, 3] });
  graph.node("MatMul", [graph.node("Reshape", [read, graph.integers(-1, width)]), "output"], {}, "added");
  graph.output("added", "float32", ["T", hidden]);
  graph.output("trails", "float32", ["T", width]);
  return graph.serialize();
}

/** Features that look for entries, [T, heads * headDim]; makes `trails`. */
function emitAddresses(graph: OnnxGraph): string {
  const states = emitStandard(graph, "query", "query");
  const own = graph.node("MatMul", ["trail", states]);
  graph.node("Add", [own, graph.node("Mul", ["fading", "trail_before"])], {}, "trails");
  return emitFeature(graph, emitMap(graph, graph.node("Concat", [states, "trails"], { axis: 1 }), "query"));
}
