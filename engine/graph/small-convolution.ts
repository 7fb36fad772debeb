import { OnnxGraph } from "./onnx-writer.ts";

/** A convolution with nine weights of no meaning, which a session lays out anew when it is opened: `freeClosedWeights` says what for. */
export function writeSmallConvolution(): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("image", "float32", [1, 1, 3, 3]);
  const weights = graph.constant("weights", "float32", [1, 1, 3, 3], new Float32Array(9));
  graph.node("Conv", ["image", weights], { kernel_shape: [3, 3] }, "out");
  graph.output("out", "float32", [1, 1, 1, 1]);
  return graph.serialize();
}
