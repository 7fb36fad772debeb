import { OnnxGraph } from "./onnx-writer.ts";

/** Tokens whose best score comes out as one number: a block takes whole groups, filled up with its last token. */
export const GROUP = 16;

/**
 * Best match of each group of stored tokens for each question token. Inputs: `codes` int8 [groups, GROUP, width] and
 * `queries` int8 [width, questions]. Output: `maxima` int32 [groups, questions], the largest dot product of a group.
 */
export function writeTokenMaxima(width: number): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("codes", "int8", ["groups", GROUP, width]);
  graph.input("queries", "int8", [width, "questions"]);
  const products = graph.node("MatMulInteger", ["codes", "queries"]);
  graph.node("ReduceMax", [products, graph.integers(1)], { keepdims: 0 }, "maxima");
  graph.output("maxima", "int32", ["groups", "questions"]);
  return graph.serialize();
}
