/**
 * The decoder for a GPU: one graph for prefill and decode, whose window stays on the device. New keys and values are written into
 * the window's own buffers (an output that is bound to its input's buffer), so a run moves nothing of the window. It uses no kernel
 * that WebGPU lacks (FusedMatMul, int8 products) or gets wrong on some devices (the flash path of GroupQueryAttention).
 */
import type { ModelConfig } from "../models/model-source.ts";
import { pastNames, scaling } from "./attention.ts";
import {
  emitAttentionOutput,
  emitEmbedding,
  emitFeedForward,
  emitNorm,
  emitOutput,
  emitProjections,
  emitRotation,
  emitSkipNorm,
  newNames,
  type PackedLayer,
} from "./decoder.ts";
import { emitLinear, type PackedLinear } from "./linear.ts";
import { OnnxGraph } from "./onnx-writer.ts";
import type { StoredDecoder } from "./packed-layers.ts";

/** Stands for minus infinity in biases: far below any score, and safe to add. */
const CLOSED = -1e9;
/** Logits that come back from a decode step: more than a repetition penalty can push down and top-k usually keeps. */
const CANDIDATES = 512;

/** What a device graph puts out besides hidden states, new keys and values. */
interface DeviceOutputs {
  /** Layers whose un-rotated queries come out as `query.N`. */
  queriesOf: readonly number[];
  /** Layers whose residual stream comes out as `residual.N`. */
  hiddenOf: readonly number[];
  /** Heads whose attention is added up in `attention` [1, S], of the run's last token. */
  attentionOf: readonly { layer: number; head: number }[];
}

/** Names of a layer's buffers behind a run: the same memory as `pastNames`. */
export function filledNames(layer: number): { keys: string; values: string } {
  return { keys: `filled_keys.${layer}`, values: `filled_values.${layer}` };
}

/**
 * Writes the decoder. Inputs: `tokens`, `positions` int64 [1, T]; of each layer the window's keys (rotated) [kvHeads, headDim, S] and
 * values [kvHeads, S, headDim]; where the run's rows go, int64: `slots` [kvHeads, T, 2] for values, `columns` [kvHeads, headDim, T, 3]
 * for keys; `seen` float32 [1, S], the slots' numbers; `row` and `first` [T * heads / kvHeads, 1], once a head of a KV head, each
 * token's number and that of its text's first token: a token sees the slots whose number is below 0, or between these two. So texts
 * that know nothing of each other go through one run. Outputs as `writeDecoder`'s, the filled buffers, and of the last token the best logits,
 * `best` [1, 1, n], with their tokens, `ids` int64 [1, 1, n].
 */
export function writeDeviceDecoder(
  config: ModelConfig,
  stored: StoredDecoder,
  head: PackedLinear,
  outputs: DeviceOutputs,
): Uint8Array {
  const model = { ...stored.model, layers: stored.model.layers.map(exactLayer) };
  const graph = new OnnxGraph();
  declareInputs(graph, config, stored);
  const bias = emitBias(graph);
  const attention: string[] = [];
  let residual = emitEmbedding(graph, config, model.embedding);
  let normed = emitNorm(graph, "attention_norm.0", residual, model.layers[0]?.attentionNorm, config);
  model.layers.forEach((layer, index) => {
    const values = emitProjections(graph, config, layer, index, normed, newNames(index));
    declareOutputs(graph, config, index, values.query, outputs);
    const { attended, weights } = emitAttention(graph, config, index, values, bias);
    attention.push(...emitObserved(graph, config, index, weights, outputs));
    const projected = emitAttentionOutput(graph, layer, index, attended);
    const name = `feed_forward_norm.${index}`;
    const middle = emitSkipNorm(graph, name, projected, residual, layer.feedForwardNorm, config);
    const fed = emitFeedForward(graph, config, layer, index, middle.normed);
    const norm = model.layers[index + 1]?.attentionNorm ?? model.finalNorm;
    ({ normed, sum: residual } = emitSkipNorm(graph, `attention_norm.${index + 1}`, fed, middle.sum, norm, config));
    if (outputs.hiddenOf.includes(index)) emitOutput(graph, residual, `residual.${index}`, [1, "T", config.hidden]);
  });
  const total = attention.reduce((sum, part) => graph.node("Add", [sum, part]));
  emitOutput(graph, total, "attention", [1, "S"]);
  emitOutput(graph, normed, "hidden", [1, "T", config.hidden]);
  emitBest(graph, config, head, normed);
  return graph.serialize();
}

/**
 * Writes rows into the buffers of all layers, in place. Inputs: the window, `slots` and `columns` as the decoder's, `keys.N` and
 * `values.N` [kvHeads, T, headDim].
 */
export function writeWindowRows(config: ModelConfig): Uint8Array {
  const graph = new OnnxGraph();
  const { layers, kvHeads, headDim } = config;
  declareWindow(graph, config);
  for (let layer = 0; layer < layers; layer++) {
    const [past, filled] = [pastNames(layer), filledNames(layer)];
    for (const kind of ["keys", "values"] as const) graph.input(`${kind}.${layer}`, "float32", [kvHeads, "T", headDim]);
    const columns = graph.node("Transpose", [`keys.${layer}`], { perm: [0, 2, 1] });
    graph.node("ScatterND", [past.keys, "columns", columns], {}, filled.keys);
    graph.node("ScatterND", [past.values, "slots", `values.${layer}`], {}, filled.values);
    declareFilled(graph, config, layer);
  }
  return graph.serialize();
}

/**
 * Writes `slots`, keys [kvHeads, headDim, S] or values [kvHeads, S, headDim], with empty ones behind them, to `grown`. Input `added`,
 * int64 [3]: the dimensions of what is added.
 */
export function writeGrowth({ kvHeads, headDim }: ModelConfig, kind: "keys" | "values"): Uint8Array {
  const graph = new OnnxGraph();
  const shape = (slots: string) => (kind === "keys" ? [kvHeads, headDim, slots] : [kvHeads, slots, headDim]);
  graph.input("slots", "float32", shape("S"));
  graph.input("added", "int64", [3]);
  const empty = graph.node("Expand", [graph.scalar(0), "added"]);
  graph.node("Concat", ["slots", empty], { axis: kind === "keys" ? 2 : 1 }, "grown");
  graph.output("grown", "float32", shape("S1"));
  return graph.serialize();
}

/** Writes what adds up the last slots of a window's buffers, to `touched` [1, 1, 1]: a run that gives it back has all of them in memory. */
export function writeWindowTouch(config: ModelConfig): Uint8Array {
  const graph = new OnnxGraph();
  declareBuffers(graph, config);
  const [last, end] = [graph.integers(-1), graph.integers(2 ** 31 - 1)];
  const sums = Array.from({ length: config.layers }, (_, layer) => pastNames(layer)).flatMap(({ keys, values }) =>
    [
      graph.node("Slice", [keys, last, end, graph.integers(2)]),
      graph.node("Slice", [values, last, end, graph.integers(1)]),
    ].map((slot) => graph.node("ReduceSum", [slot, graph.integers(0, 1, 2)], { keepdims: 1 })),
  );
  const total = sums.reduce((sum, part) => graph.node("Add", [sum, part]));
  emitOutput(graph, total, "touched", [1, 1, 1]);
  return graph.serialize();
}

/** A device has no use for rounded inputs, and float32 gives the same numbers on every one. */
function exact(linear: PackedLinear): PackedLinear {
  return linear.format === "nbits" ? { ...linear, isExact: true } : linear;
}

function exactLayer(layer: PackedLayer): PackedLayer {
  const { qkv, output, gateUp, down } = layer;
  return { ...layer, qkv: exact(qkv), output: exact(output), gateUp: exact(gateUp), down: exact(down) };
}

function declareInputs(graph: OnnxGraph, config: ModelConfig, { rope, positions }: StoredDecoder): void {
  const { headDim } = config;
  graph.input("tokens", "int64", [1, "T"]);
  graph.input("positions", "int64", [1, "T"]);
  graph.input("seen", "float32", [1, "S"]);
  graph.input("row", "float32", ["T * group", 1]);
  graph.input("first", "float32", ["T * group", 1]);
  declareWindow(graph, config);
  graph.constant("rope.cos", "float32", [positions, headDim / 2], rope.cos);
  graph.constant("rope.sin", "float32", [positions, headDim / 2], rope.sin);
}

/** The window's buffers, and where in them a run's rows go. */
function declareWindow(graph: OnnxGraph, config: ModelConfig): void {
  const { kvHeads, headDim } = config;
  graph.input("slots", "int64", [kvHeads, "T", 2]);
  graph.input("columns", "int64", [kvHeads, headDim, "T", 3]);
  declareBuffers(graph, config);
}

function declareBuffers(graph: OnnxGraph, { layers, kvHeads, headDim }: ModelConfig): void {
  for (let layer = 0; layer < layers; layer++) {
    const { keys, values } = pastNames(layer);
    graph.input(keys, "float32", [kvHeads, headDim, "S"]);
    graph.input(values, "float32", [kvHeads, "S", headDim]);
  }
}

function declareFilled(graph: OnnxGraph, { kvHeads, headDim }: ModelConfig, layer: number): void {
  const { keys, values } = filledNames(layer);
  graph.output(keys, "float32", [kvHeads, headDim, "S"]);
  graph.output(values, "float32", [kvHeads, "S", headDim]);
}

function declareOutputs(
  graph: OnnxGraph,
  config: ModelConfig,
  index: number,
  query: string,
  { queriesOf }: DeviceOutputs,
): void {
  const { heads, kvHeads, headDim } = config;
  const own = newNames(index);
  for (const name of [own.keys, own.values]) graph.output(name, "float32", [1, "T", kvHeads * headDim]);
  declareFilled(graph, config, index);
  if (queriesOf.includes(index)) emitOutput(graph, query, `query.${index}`, [1, "T", heads * headDim]);
}

/** The output layer for the last token, and the best of its logits. */
function emitBest(graph: OnnxGraph, config: ModelConfig, head: PackedLinear, hidden: string): void {
  const end = graph.integers(2 ** 31 - 1);
  const last = graph.node("Slice", [hidden, graph.integers(-1), end, graph.integers(1)]);
  const logits = emitLinear(graph, "output_layer", exact(head), last);
  const count = Math.min(CANDIDATES, config.vocabulary);
  graph.nodeWithOutputs("TopK", [logits, graph.integers(count)], ["best", "ids"]);
  graph.output("best", "float32", [1, 1, count]);
  graph.output("ids", "int64", [1, 1, count]);
}

/** 0 where a row may look and `CLOSED` elsewhere, [T * heads / kvHeads, S]. */
function emitBias(graph: OnnxGraph): string {
  const [closed, open] = [graph.scalar(CLOSED), graph.scalar(0)];
  const isForAll = graph.node("Greater", [open, "seen"]);
  const number = graph.node("Where", [isForAll, graph.scalar(-CLOSED), "seen"]);
  const ofOthers = graph.node("Where", [graph.node("Greater", ["first", number]), closed, open]);
  return graph.node("Where", [graph.node("Greater", ["seen", "row"]), closed, ofOthers]);
}

/** Attention over the window with the run's own rows in it; weights are [kvHeads, T * heads / kvHeads, S]. */
function emitAttention(
  graph: OnnxGraph,
  config: ModelConfig,
  index: number,
  { query, key, value }: { query: string; key: string; value: string },
  bias: string,
): { attended: string; weights: string } {
  const { heads, kvHeads, headDim } = config;
  const group = heads / kvHeads;
  const [past, filled] = [pastNames(index), filledNames(index)];
  const placed = (rows: string, perm: number[]) =>
    graph.node("Transpose", [graph.node("Reshape", [rows, graph.integers(-1, kvHeads, headDim)])], { perm });
  const columns = placed(emitRotation(graph, key, kvHeads), [1, 2, 0]);
  graph.node("ScatterND", [past.keys, "columns", columns], {}, filled.keys);
  graph.node("ScatterND", [past.values, "slots", placed(value, [1, 0, 2])], {}, filled.values);
  const scaled = graph.node("Mul", [emitRotation(graph, query, heads), graph.scalar(scaling(config).float)]);
  const split = graph.node("Reshape", [scaled, graph.integers(-1, kvHeads, group, headDim)]);
  const perHead = graph.node("Transpose", [split], { perm: [1, 0, 2, 3] });
  const queries = graph.node("Reshape", [perHead, graph.integers(kvHeads, -1, headDim)]);
  const scores = graph.node("Add", [graph.node("MatMul", [queries, filled.keys]), bias]);
  const weights = graph.node("Softmax", [scores], { axis: -1 });
  const sum = graph.node("MatMul", [weights, filled.values]);
  const back = graph.node("Reshape", [sum, graph.integers(kvHeads, -1, group, headDim)]);
  const tokenMajor = graph.node("Transpose", [back], { perm: [1, 0, 2, 3] });
  return { attended: graph.node("Reshape", [tokenMajor, graph.integers(1, -1, heads * headDim)]), weights };
}

/** The last token's attention of this layer's observed heads, added up: [1, S]; nothing where it has none. */
function emitObserved(
  graph: OnnxGraph,
  { heads, kvHeads }: ModelConfig,
  index: number,
  weights: string,
  { attentionOf }: DeviceOutputs,
): string[] {
  const own = attentionOf.filter(({ layer }) => layer === index).map(({ head }) => head);
  if (own.length === 0) return [];
  const [from, end] = [graph.integers(-heads / kvHeads), graph.integers(2 ** 31 - 1)];
  const last = graph.node("Slice", [weights, from, end, graph.integers(1)]);
  const perHead = graph.node("Reshape", [last, graph.integers(heads, -1)]);
  const chosen = graph.node("Gather", [perHead, graph.integers(...own)], { axis: 0 });
  return [graph.node("ReduceSum", [chosen, graph.integers(0)], { keepdims: 1 })];
}
