/**
 * Infini-attention (arXiv 2404.07143) as graphs without weights: a layer's maps and its memory are inputs, so that one session
 * serves all layers. Memory of a KV head: `matrix` [headDim, headDim] and `mass` [headDim], float32.
 */
import type { ModelConfig } from "../models/model-source.ts";
import { emitHeadMajor, scaling } from "./attention.ts";
import { emitRotation } from "./decoder.ts";
import { type ExternalData, OnnxGraph } from "./onnx-writer.ts";

/** How entries get into a memory: added up, or less what the memory gives for their keys already (the delta rule). */
export type WriteRule = "linear" | "delta";

/**
 * Writes what a run of tokens adds to one layer's memory. The key of an entry is made at the token before its value, where it is
 * like the query that will look for what comes next: of the state there and of the trail of those before it. Inputs: un-rotated `keys` and
 * `values` [T, kvHeads * headDim]; `trail` [T, T], which makes trails of states; `kv_mean` and `kv_scale` [2 * kvHeads * headDim]; the maps
 * `key_weight` [4 * kvHeads * headDim, kvHeads * headDim] and `value_weight` [2 * …, …] with biases; for the delta rule the memory so far.
 * Outputs: `added_matrix` [kvHeads, headDim, headDim] and `added_mass` [kvHeads, headDim].
 */
export function writeInfiniEntries(config: ModelConfig, rule: WriteRule = "linear"): Uint8Array {
  const { kvHeads, headDim } = config;
  const width = kvHeads * headDim;
  const graph = new OnnxGraph();
  for (const name of ["keys", "values"]) graph.input(name, "float32", ["T", width]);
  graph.input("trail", "float32", ["T", "T"]);
  for (const name of ["kv_mean", "kv_scale"]) graph.input(name, "float32", [2 * width]);
  graph.input("key_weight", "float32", [4 * width, width]);
  graph.input("value_weight", "float32", [2 * width, width]);
  for (const name of ["key_bias", "value_bias"]) graph.input(name, "float32", [width]);
  const states = emitStandard(graph, graph.node("Concat", ["keys", "values"], { axis: 1 }), "kv");
  const both = graph.node("Concat", [states, graph.node("MatMul", ["trail", states])], { axis: 1 });
  const before = graph.node("Slice", [both, graph.integers(0), graph.integers(-1), graph.integers(0)]);
  const features = emitFeature(graph, emitMap(graph, before, "key"));
  const behind = (rows: string) =>
    graph.node("Slice", [rows, graph.integers(1), graph.integers(2 ** 31 - 1), graph.integers(0)]);
  const mapped = graph.node("Add", [behind("values"), emitMap(graph, behind(states), "value")]);
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
 * Writes local attention joined with what is read from memory, by one gate a query head. `null` is mass whose value is local
 * attention: where nothing in memory answers, or the memory is empty, local attention is left exactly as it was.
 * Inputs, un-rotated: `query` [1, T, heads * headDim], `near_keys` and `near_values` [1, N, kvHeads * headDim], with their positions; `bias`
 * [T, 1, N] closes what a row may not see; the memory; `query_mean` and `query_scale`, `query_weight` [2 * heads * headDim, heads * headDim]
 * and `query_bias`; `trail` [T, T] and, for what was read before, `fading` [T, 1] and `trail_before` [1, heads * headDim]; `gate` [heads]
 * (behind the sigmoid), `null` [kvHeads, headDim]; `down` [heads * headDim, rank] and `up` [rank, hidden].
 * Outputs: `attended` [1, T, heads * headDim]; what memory adds to the residual, `added` [1, T, hidden]; `trails` [T, heads * headDim].
 */
export function writeInfiniAttention(
  config: ModelConfig,
  rope: { cos: ExternalData; sin: ExternalData },
  positions: number,
): Uint8Array {
  const graph = new OnnxGraph();
  const { heads, kvHeads, headDim, hidden } = config;
  const [group, width] = [heads / kvHeads, heads * headDim];
  declareAttention(graph, config, rope, positions);
  const mass = declareMemory(graph, config);
  const local = emitLocal(graph, config);
  const folded = emitFolded(graph, emitAddresses(graph, width), config);
  const found = graph.node("MatMul", [folded, mass]);
  const nothing = graph.node("MatMul", [folded, graph.node("Unsqueeze", ["null", graph.integers(2)])]);
  const whole = graph.node("Add", [graph.node("Add", [found, nothing]), graph.scalar(1e-6)]);
  const split = (rows: string) => graph.node("Reshape", [rows, graph.integers(kvHeads, -1, group, headDim)]);
  const shares = graph.node("Reshape", [graph.node("Div", [found, whole]), graph.integers(kvHeads, -1, group, 1)]);
  const gate = graph.node("Reshape", ["gate", graph.integers(kvHeads, 1, group, 1)]);
  const read = graph.node("Mul", [gate, split(graph.node("Div", [graph.node("MatMul", [folded, "matrix"]), whole]))]);
  const kept = graph.node("Mul", [local, graph.node("Sub", [graph.scalar(1), graph.node("Mul", [gate, shares])])]);
  const tokenMajor = (rows: string, output?: string) => {
    const transposed = graph.node("Transpose", [rows], { perm: [1, 0, 2, 3] });
    return graph.node("Reshape", [transposed, graph.integers(1, -1, width)], {}, output);
  };
  tokenMajor(graph.node("Add", [kept, read]), "attended");
  graph.node("MatMul", [graph.node("MatMul", [tokenMajor(read), "down"]), "up"], {}, "added");
  graph.output("attended", "float32", [1, "T", width]);
  graph.output("added", "float32", [1, "T", hidden]);
  graph.output("trails", "float32", ["T", width]);
  return graph.serialize();
}

/** Features that look for entries, [1, T, heads * headDim]; puts `trails` out. */
function emitAddresses(graph: OnnxGraph, width: number): string {
  const states = emitStandard(graph, graph.node("Reshape", ["query", graph.integers(-1, width)]), "query");
  const own = graph.node("MatMul", ["trail", states]);
  graph.node("Add", [own, graph.node("Mul", ["fading", "trail_before"])], {}, "trails");
  const both = graph.node("Concat", [states, "trails"], { axis: 1 });
  const features = emitFeature(graph, emitMap(graph, both, "query"));
  return graph.node("Reshape", [features, graph.integers(1, -1, width)]);
}

function declareAttention(
  graph: OnnxGraph,
  { heads, kvHeads, headDim, hidden }: ModelConfig,
  rope: { cos: ExternalData; sin: ExternalData },
  positions: number,
): void {
  const width = heads * headDim;
  graph.input("query", "float32", [1, "T", width]);
  for (const kind of ["near_keys", "near_values"]) graph.input(kind, "float32", [1, "N", kvHeads * headDim]);
  graph.input("query_positions", "int64", [1, "T"]);
  graph.input("near_positions", "int64", [1, "N"]);
  graph.input("bias", "float32", ["T", 1, "N"]);
  for (const name of ["query_mean", "query_scale", "query_bias"]) graph.input(name, "float32", [width]);
  graph.input("query_weight", "float32", [2 * width, width]);
  graph.input("trail", "float32", ["T", "T"]);
  graph.input("fading", "float32", ["T", 1]);
  graph.input("trail_before", "float32", [1, width]);
  graph.input("gate", "float32", [heads]);
  graph.input("null", "float32", [kvHeads, headDim]);
  graph.input("down", "float32", [width, "R"]);
  graph.input("up", "float32", ["R", hidden]);
  graph.constant("rope.cos", "float32", [positions, headDim / 2], rope.cos);
  graph.constant("rope.sin", "float32", [positions, headDim / 2], rope.sin);
}

/** Ordinary attention, [kvHeads, T, group, headDim]. */
function emitLocal(graph: OnnxGraph, config: ModelConfig): string {
  const { heads, kvHeads, headDim } = config;
  const group = heads / kvHeads;
  const query = emitFolded(graph, emitRotation(graph, "query", heads, "query_positions"), config);
  const rotated = emitRotation(graph, "near_keys", kvHeads, "near_positions");
  const keys = emitHeadMajor(graph, rotated, [-1, kvHeads, headDim]);
  const product = graph.contrib("FusedMatMul", [query, keys], { transB: 1, alpha: scaling(config) });
  const columns = graph.node("Shape", ["bias"], { start: 2 });
  const shaped = (rows: string, ...shape: number[]) =>
    graph.node("Reshape", [rows, graph.node("Concat", [graph.integers(...shape), columns], { axis: 0 })]);
  const scores = graph.node("Add", [shaped(product, kvHeads, -1, group), "bias"]);
  const weights = graph.node("Softmax", [scores], { axis: -1 });
  const values = emitHeadMajor(graph, "near_values", [-1, kvHeads, headDim]);
  const sum = graph.node("MatMul", [shaped(weights, kvHeads, -1), values]);
  return graph.node("Reshape", [sum, graph.integers(kvHeads, -1, group, headDim)]);
}

/** [1, T, heads * headDim] as [kvHeads, T * group, headDim]. */
function emitFolded(graph: OnnxGraph, query: string, { heads, kvHeads, headDim }: ModelConfig): string {
  const split = emitHeadMajor(graph, query, [-1, kvHeads, heads / kvHeads, headDim]);
  return graph.node("Reshape", [split, graph.integers(kvHeads, -1, headDim)]);
}
