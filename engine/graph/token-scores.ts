import { OnnxGraph } from "./onnx-writer.ts";

/**
 * Scores of every stored token for every question token. Inputs: `codes` int8 [tokens, width] and `scales` [tokens, 1]
 * of the index, `queries` int8 [width, questions] and `query_scales` [1, questions]. Output: `scores`
 * [tokens, questions], the dot products of what the codes stand for.
 */
export function writeTokenScores(width: number): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("codes", "int8", ["tokens", width]);
  graph.input("scales", "float32", ["tokens", 1]);
  graph.input("queries", "int8", [width, "questions"]);
  graph.input("query_scales", "float32", [1, "questions"]);
  const products = graph.node("Cast", [graph.node("MatMulInteger", ["codes", "queries"])], { to: 1 });
  const scaled = graph.node("Mul", [products, "scales"]);
  graph.node("Mul", [scaled, "query_scales"], {}, "scores");
  graph.output("scores", "float32", ["tokens", "questions"]);
  return graph.serialize();
}

/**
 * The best match of each query in one block, for all heads of a layer at once. Inputs: `keys` [tokens, kvHeads * headDim] as
 * a decoder puts them out, `queries` [kvHeads, headDim, queries]. Output: `best` [kvHeads, queries], the largest dot
 * product over the block's tokens.
 */
export function writeBestMatches(kvHeads: number, headDim: number): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("keys", "float32", ["tokens", kvHeads * headDim]);
  graph.input("queries", "float32", [kvHeads, headDim, "queries"]);
  const split = graph.node("Reshape", ["keys", graph.integers(-1, kvHeads, headDim)]);
  const products = graph.node("MatMul", [graph.node("Transpose", [split], { perm: [1, 0, 2] }), "queries"]);
  graph.node("ReduceMax", [products, graph.integers(1)], { keepdims: 0 }, "best");
  graph.output("best", "float32", [kvHeads, "queries"]);
  return graph.serialize();
}
