import type { OnnxGraph } from "./onnx-writer.ts";

/** A change of a matrix: up @ down. `down` [columns, rank] and `up` [rank, rows] as products take them. */
export interface LowRank {
  down: Float32Array;
  up: Float32Array;
  rank: number;
}

/** `input` [1, T, columns] times a low-rank matrix. */
export function emitLowRank(graph: OnnxGraph, name: string, { down, up, rank }: LowRank, input: string): string {
  const first = graph.constant(`${name}.change_down`, "float32", [down.length / rank, rank], down);
  const second = graph.constant(`${name}.change_up`, "float32", [rank, up.length / rank], up);
  return graph.node("MatMul", [graph.node("MatMul", [input, first]), second]);
}
