/** The look-up's projections as graphs: hidden states in, what the index keeps of blocks or asks with out. */
import { OnnxGraph } from "./onnx-writer.ts";

/** One layer's map of hidden states [hidden] to [width]. */
export interface ProjectionWeights {
  layer: number;
  mean: Float32Array;
  inverseDeviation: Float32Array;
  /** Row-major [hidden, width]. */
  weight: Float32Array;
}

/** The largest code of 4 bits with a sign, -7 to 7. */
export const LARGEST_CODE = 7;

/**
 * Projects the tokens of blocks. Inputs: `residual.N` [1, T, hidden] of each layer; outputs: `codes.N` int8 [1, T, width],
 * the projected token of length 1 in units of `steps`, from -7 to 7.
 * @param clip in standard deviations
 */
export function writeBlockProjection(
  layers: readonly (ProjectionWeights & { steps: Float32Array })[],
  hidden: number,
  clip: number,
): Uint8Array {
  const graph = new OnnxGraph();
  for (const layer of layers) {
    const name = `${layer.layer}`;
    const projected = emitUnit(graph, layer, emitStandardized(graph, layer, hidden, clip), hidden);
    const inverse = layer.steps.map((step) => 1 / step);
    const scaled = graph.node("Mul", [
      projected,
      graph.constant(`steps.${name}`, "float32", [inverse.length], inverse),
    ]);
    const limits = [graph.scalar(-LARGEST_CODE), graph.scalar(LARGEST_CODE)];
    const codes = graph.node("Clip", [graph.node("Round", [scaled]), ...limits]);
    graph.node("Cast", [codes], { to: 3 }, `codes.${name}`);
    graph.output(`codes.${name}`, "int8", [1, "T", layer.steps.length]);
  }
  return graph.serialize();
}

/**
 * Projects the tokens of a question. Inputs: `residual.N` [1, T, hidden]; outputs: `queries.N` [1, T, width], the projected
 * token times `steps`, so that its product with codes is a cosine, and `weights.N` [1, T, 1], each token's share of the
 * question, which add up to 1.
 */
export function writeQuestionProjection(
  layers: readonly (ProjectionWeights & { steps: Float32Array; tokenWeight: Float32Array })[],
  hidden: number,
  clip: number,
): Uint8Array {
  const graph = new OnnxGraph();
  for (const layer of layers) {
    const name = `${layer.layer}`;
    const input = emitStandardized(graph, layer, hidden, clip);
    const projected = emitUnit(graph, layer, input, hidden);
    const steps = graph.constant(`steps.${name}`, "float32", [layer.steps.length], layer.steps);
    graph.node("Mul", [projected, steps], {}, `queries.${name}`);
    graph.output(`queries.${name}`, "float32", [1, "T", layer.steps.length]);
    const weigh = graph.constant(`token_weight.${name}`, "float32", [hidden, 1], layer.tokenWeight);
    graph.node("Softmax", [graph.node("MatMul", [input, weigh])], { axis: 1 }, `weights.${name}`);
    graph.output(`weights.${name}`, "float32", [1, "T", 1]);
  }
  return graph.serialize();
}

function emitStandardized(graph: OnnxGraph, layer: ProjectionWeights, hidden: number, clip: number): string {
  const { layer: name, mean, inverseDeviation } = layer;
  graph.input(`residual.${name}`, "float32", [1, "T", hidden]);
  const centred = graph.node("Sub", [`residual.${name}`, graph.constant(`mean.${name}`, "float32", [hidden], mean)]);
  const scale = graph.constant(`inverse_deviation.${name}`, "float32", [hidden], inverseDeviation);
  return graph.node("Clip", [graph.node("Mul", [centred, scale]), graph.scalar(-clip), graph.scalar(clip)]);
}

/** Projected and brought to length 1. */
function emitUnit(graph: OnnxGraph, layer: ProjectionWeights, input: string, hidden: number): string {
  const width = layer.weight.length / hidden;
  const weight = graph.constant(`weight.${layer.layer}`, "float32", [hidden, width], layer.weight);
  return graph.node("LpNormalization", [graph.node("MatMul", [input, weight])], { axis: -1, p: 2 });
}
