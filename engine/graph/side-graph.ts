/**
 * LongMem's side network (arXiv 2306.07174) as one graph: some of the backbone's layers with a low-rank change, fed with the
 * backbone's residuals, and readers of what they retrieve from a bank of one layer's keys and values. The matrices of the
 * backbone are those of its own graphs, where they lie on disk. training/longmem/side_net.py is the reference.
 */
import type { ModelConfig } from "../models/model-source.ts";
import { CHUNKS, emitPrefillAttention, pastNames } from "./attention.ts";
import { emitNorm, emitOutput, emitRotation, newNames, type PackedLayer } from "./decoder.ts";
import { emitRead, emitSearch, type ReaderWeights, type Retrieved } from "./bank-graph.ts";
import { emitLinear, type PackedLinear } from "./linear.ts";
import { emitLowRank, type LowRank } from "./low-rank.ts";
import { type ExternalData, OnnxGraph } from "./onnx-writer.ts";

/** What was trained of one side layer. */
export interface SideLayerWeights {
  attentionNorm: Float32Array; // [hidden]
  feedForwardNorm: Float32Array;
  qkv: LowRank;
  output: LowRank;
  gateUp: LowRank;
  down: LowRank;
  attentionScale: Float32Array; // [hidden]
  feedForwardScale: Float32Array;
  reader?: ReaderWeights;
}

/** A side layer and the backbone's layer that it started from. */
export interface SideLayer {
  trained: SideLayerWeights;
  packed: PackedLayer;
}

export interface SideGraphOptions {
  finalNorm: Float32Array;
  rope: { cos: ExternalData; sin: ExternalData };
  /** Rows of the rope table. */
  positions: number;
  /** Tokens of a chunk, and chunks that each query of each head gets. */
  chunk: number;
  found: number;
  /** Tokens of a bank up to which all banks are read alike. */
  usualBank: number;
}

/** The name of the backbone's residual that goes into side layer `index`; one more goes out of the last. */
export function tapName(index: number): string {
  return `tap.${index}`;
}

/**
 * Writes the side network. Inputs: `tap.N` [1, T, hidden]; `query` [1, T, heads * headDim], the backbone's un-rotated queries of the
 * bank's layer; `positions`, the pasts and biases as of a prefill graph whose layers are the side layers; the bank as in
 * `bank-graph.ts`. Outputs: new keys and values of each side layer, `hidden` [1, T, hidden] after the final norm, and what the last
 * reader gave to which rows of the bank: `memory_weights` and `memory_rows` [kvHeads, T * heads / kvHeads, found * chunk], and behind
 * which gates: `memory_gates` [heads].
 */
export function writeSideNet(config: ModelConfig, layers: readonly SideLayer[], options: SideGraphOptions): Uint8Array {
  const graph = new OnnxGraph();
  declareInputs(graph, config, layers.length, options);
  const retrieved = emitSearch(graph, config, options);
  let residual = tapName(0);
  let read: ReadBank | undefined;
  layers.forEach((layer, index) => {
    const behind = emitSideLayer(graph, config, layer, index, residual, retrieved, options.usualBank);
    const difference = graph.node("Sub", [tapName(index + 1), tapName(index)]);
    residual = graph.node("Add", [behind.residual, difference]);
    read = behind.read ?? read;
  });
  if (read === undefined) throw new RangeError("No side layer reads the bank");
  emitOutput(graph, read.weights, "memory_weights", [config.kvHeads, "queries", options.found * options.chunk]);
  emitOutput(graph, read.gates, "memory_gates", [config.heads]);
  const normed = emitNorm(graph, "final_norm", residual, options.finalNorm, config);
  emitOutput(graph, normed, "hidden", [1, "T", config.hidden]);
  return graph.serialize();
}

function declareInputs(graph: OnnxGraph, config: ModelConfig, layers: number, options: SideGraphOptions): void {
  const { heads, kvHeads, headDim, hidden } = config;
  for (let i = 0; i <= layers; i++) graph.input(tapName(i), "float32", [1, "T", hidden]);
  graph.input("query", "float32", [1, "T", heads * headDim]);
  graph.input("positions", "int64", [1, "T"]);
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    graph.input(`bias.${chunk}`, "float32", [`rows.${chunk}`, `keys.${chunk}`]);
  }
  for (let layer = 0; layer < layers; layer++) {
    const { keys, values } = pastNames(layer);
    for (const name of [keys, values]) graph.input(name, "float32", [kvHeads, 1, "S", headDim]);
  }
  const half = [options.positions, headDim / 2];
  graph.constant("rope.cos", "float32", half, options.rope.cos);
  graph.constant("rope.sin", "float32", half, options.rope.sin);
}

/** What a reader gave to what was found, and its gates. */
interface ReadBank {
  weights: string;
  gates: string;
}

/** The residual behind a side layer, without the backbone's difference, and what its reader did. */
function emitSideLayer(
  graph: OnnxGraph,
  config: ModelConfig,
  { trained, packed }: SideLayer,
  index: number,
  residual: string,
  retrieved: Retrieved,
  usualBank: number,
): { residual: string; read?: ReadBank } {
  const normed = emitNorm(graph, `attention_norm.${index}`, residual, trained.attentionNorm, config);
  let attended = emitLocalAttention(graph, config, { trained, packed }, index, normed);
  let sum = residual;
  const reader = trained.reader;
  const read = reader && emitRead(graph, config, reader, index, usualBank, { normed, residual }, retrieved);
  if (read) {
    attended = graph.node("Mul", [attended, read.kept]);
    sum = graph.node("Add", [residual, read.added]);
  }
  const output = emitChanged(graph, `output.${index}`, packed.output, trained.output, attended);
  sum = graph.node("Add", [sum, emitScaled(graph, `attention_scale.${index}`, output, trained.attentionScale)]);
  const fed = emitSideFeedForward(graph, config, { trained, packed }, index, sum);
  const scaled = emitScaled(graph, `feed_forward_scale.${index}`, fed, trained.feedForwardScale);
  return { residual: graph.node("Add", [sum, scaled]), ...(read ? { read } : {}) };
}

/** Local causal attention [1, T, heads * headDim]; puts the new keys and values out. */
function emitLocalAttention(
  graph: OnnxGraph,
  config: ModelConfig,
  { trained, packed }: SideLayer,
  index: number,
  normed: string,
): string {
  const { heads, kvHeads, headDim } = config;
  const [width, kvWidth] = [heads * headDim, kvHeads * headDim];
  const joined = emitChanged(graph, `qkv.${index}`, packed.qkv, trained.qkv, normed);
  const names = newNames(index);
  const query = graph.fresh();
  const sizes = graph.integers(width, kvWidth, kvWidth);
  graph.nodeWithOutputs("Split", [joined, sizes], [query, names.keys, names.values], { axis: 2 });
  graph.output(names.keys, "float32", [1, "T", kvWidth]);
  graph.output(names.values, "float32", [1, "T", kvWidth]);
  return emitPrefillAttention(graph, config, index, {
    query: emitRotation(graph, query, heads),
    key: emitRotation(graph, names.keys, kvHeads),
    value: names.values,
  });
}

function emitSideFeedForward(
  graph: OnnxGraph,
  config: ModelConfig,
  { trained, packed }: SideLayer,
  index: number,
  residual: string,
): string {
  const normed = emitNorm(graph, `feed_forward_norm.${index}`, residual, trained.feedForwardNorm, config);
  const joined = emitChanged(graph, `gate_up.${index}`, packed.gateUp, trained.gateUp, normed);
  const [gate, up] = [graph.fresh(), graph.fresh()];
  const sizes = graph.integers(config.intermediate, config.intermediate);
  graph.nodeWithOutputs("Split", [joined, sizes], [gate, up], { axis: 2 });
  // QuickGelu with alpha 1 is x * sigmoid(x): SiLU in one pass.
  const activated = graph.contrib("QuickGelu", [gate], { alpha: { float: 1 } });
  const inner = graph.node("Mul", [activated, up]);
  return emitChanged(graph, `down.${index}`, packed.down, trained.down, inner);
}

/** The product with the backbone's matrix and with its change. */
function emitChanged(graph: OnnxGraph, name: string, packed: PackedLinear, change: LowRank, input: string): string {
  const product = emitLinear(graph, name, packed, input);
  return graph.node("Add", [product, emitLowRank(graph, name, change, input)]);
}

function emitScaled(graph: OnnxGraph, name: string, input: string, scale: Float32Array): string {
  return graph.node("Mul", [input, graph.constant(name, "float32", [scale.length], scale)]);
}
