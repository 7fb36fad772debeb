import { OnnxGraph } from "./onnx-writer.ts";

/** Codes that share a scale in MatMulNBits. */
const SCALE_CODES = 32;

/** Sizes of a graph that scores blocks. */
export interface BlockScores {
  blocks: number;
  /** Of a block. */
  tokens: number;
  /** Of a token's vector. */
  width: number;
  /** What questions are rounded to: int8, by which the CPU is a quarter faster, or not at all. */
  precision: "int8" | "float32";
}

/**
 * Scores of blocks whose tokens are the 4-bit weights of a product, a layer each: `codes` holds [blocks, tokens, width / 2] bytes, two codes
 * (plus 8) a byte, the low one first. Inputs, a layer L each: `queriesL` [1, questions, width] and `weightsL` [1, 1, questions]. Outputs:
 * `scoresL` [1, 1, blocks], over the questions the sum of weight times the largest dot product with a token of the block.
 */
export function writeBlockScores(layers: readonly Uint8Array[], sizes: BlockScores): Uint8Array {
  const { blocks, tokens, width, precision } = sizes;
  const graph = new OnnxGraph();
  const level = precision === "int8" ? 4 : 1;
  const [rows, scales] = [blocks * tokens, (blocks * tokens * width) / SCALE_CODES];
  const ones = graph.constant("ones", "float32", [scales], new Float32Array(scales).fill(1));
  for (const [layer, codes] of layers.entries()) {
    const [queries, weights, scores] = [`queries${layer}`, `weights${layer}`, `scores${layer}`];
    graph.input(queries, "float32", [1, `questions${layer}`, width]);
    graph.input(weights, "float32", [1, 1, `questions${layer}`]);
    const shape = [rows, width / SCALE_CODES, SCALE_CODES / 2];
    const product = graph.contrib(
      "MatMulNBits",
      [queries, graph.constant(`codes${layer}`, "uint8", shape, codes), ones],
      { K: width, N: rows, bits: 4, block_size: SCALE_CODES, accuracy_level: level },
    );
    const perBlock = graph.node("Reshape", [product, graph.integers(-1, blocks, tokens)]);
    const best = graph.node("ReduceMax", [perBlock, graph.integers(2)], { keepdims: 0 });
    const perQuestion = graph.node("Reshape", [best, graph.integers(1, -1, blocks)]);
    graph.node("MatMul", [weights, perQuestion], {}, scores);
    graph.output(scores, "float32", [1, 1, blocks]);
  }
  return graph.serialize();
}
