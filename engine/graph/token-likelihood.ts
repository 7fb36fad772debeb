import { OnnxGraph } from "./onnx-writer.ts";

/**
 * Natural logarithms of tokens' probabilities. Inputs: `logits` [rows, vocabulary], `tokens` int64 [rows, 1]; output: `likelihoods`
 * [rows, 1]. Row i predicts token i.
 */
export function writeTokenLikelihood(vocabulary: number): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("logits", "float32", ["rows", vocabulary]);
  graph.input("tokens", "int64", ["rows", 1]);
  const logarithms = graph.node("LogSoftmax", ["logits"], { axis: 1 });
  graph.node("GatherElements", [logarithms, "tokens"], { axis: 1 }, "likelihoods");
  graph.output("likelihoods", "float32", ["rows", 1]);
  return graph.serialize();
}
