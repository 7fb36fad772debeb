import { OnnxGraph } from "./onnx-writer.ts";

/** Tokens whose best score comes out as one number: a block takes whole groups, filled up with its last token. */
export const GROUP = 16;
/** Codes that share a scale in MatMulNBits. */
const SCALE_CODES = 32;

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

/**
 * Scores of blocks that stay on a device, their tokens as 4-bit weights of a product: `codes` holds [blocks, tokens, width / 2] bytes,
 * two codes (plus 8) a byte, the low one first. Inputs: `queries` [1, questions, width] and `weights` [1, 1, questions]. Output:
 * `scores` [1, 1, blocks], over the questions the sum of weight times the largest dot product with a token of the block.
 */
export function writeBlockScores(codes: Uint8Array, blocks: number, tokens: number, width: number): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("queries", "float32", [1, "questions", width]);
  graph.input("weights", "float32", [1, 1, "questions"]);
  const [rows, scales] = [blocks * tokens, (blocks * tokens * width) / SCALE_CODES];
  const product = graph.contrib(
    "MatMulNBits",
    [
      "queries",
      graph.constant("codes", "uint8", [rows, width / SCALE_CODES, SCALE_CODES / 2], codes),
      graph.constant("ones", "float32", [scales], new Float32Array(scales).fill(1)),
    ],
    { K: width, N: rows, bits: 4, block_size: SCALE_CODES, accuracy_level: 1 },
  );
  const perBlock = graph.node("Reshape", [product, graph.integers(-1, blocks, tokens)]);
  const best = graph.node("ReduceMax", [perBlock, graph.integers(2)], { keepdims: 0 });
  const perQuestion = graph.node("Reshape", [best, graph.integers(1, -1, blocks)]);
  graph.node("MatMul", ["weights", perQuestion], {}, "scores");
  graph.output("scores", "float32", [1, 1, blocks]);
  return graph.serialize();
}
