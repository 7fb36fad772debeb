/**
 * Matrix products in the formats that onnxruntime's CPU kernels are fast at. Each format has a packing (from a
 * checkpoint's matrix into a weight file) and an emission (nodes of a graph).
 */
import type { AffineMatrix } from "../models/model-source.ts";
import type { ExternalData, OnnxGraph } from "./onnx-writer.ts";
import type { WeightFile } from "./weight-file.ts";

/** Weights along a row that share a scale, in `nbits` formats: the same as in GGUF's block types. */
const BLOCK = 32;

/** A weight matrix [rows = outputs, columns = inputs], row-major; `affine` holds its exact blocks where the file has them. */
export interface Matrix {
  rows: number;
  columns: number;
  values: Float32Array;
  affine?: AffineMatrix;
}

/** A packed matrix: where its parts lie, and all that emitting it needs. */
export type PackedLinear =
  | { format: "float32"; rows: number; columns: number; weight: ExternalData }
  | {
      format: "nbits";
      bits: 4 | 8;
      rows: number;
      columns: number;
      /** Columns after the matrix's own that hold what the zero points could not (see `packAffine`); 0 without. */
      offsetColumns: number;
      /** Whether inputs stay float32; without it they are rounded to int8, which is what the CPU is fast at. */
      isExact?: boolean;
      codes: ExternalData;
      scales: ExternalData;
      zeroPoints?: ExternalData;
    }
  | { format: "int8"; rows: number; columns: number; weight: ExternalData; scales: ExternalData };

/** Full precision: for references and tests. */
export async function packFloat32(matrix: Matrix, file: WeightFile): Promise<PackedLinear> {
  const { rows, columns, values } = matrix;
  const transposed = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      transposed[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return { format: "float32", rows, columns, weight: await file.append(transposed) };
}

/**
 * For MatMulNBits. A matrix whose file has exact 4-bit blocks keeps their codes; any other is rounded to 8 bits,
 * symmetric, 32 weights a scale, which is as fine as Q8_0.
 */
export async function packNBits(matrix: Matrix, file: WeightFile): Promise<PackedLinear> {
  const { affine } = matrix;
  if (affine?.bits === 4) return packAffine(affine, file);
  const { rows, columns, values } = matrix;
  const codes = new Uint8Array(rows * columns);
  const scales = new Float32Array((rows * columns) / BLOCK);
  for (let block = 0; block < scales.length; block++) {
    const from = block * BLOCK;
    const scale = largest(values, from, from + BLOCK) / 127;
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = from; i < from + BLOCK; i++) codes[i] = 128 + Math.round((values[i] ?? 0) * inverse);
  }
  return {
    format: "nbits",
    bits: 8,
    rows,
    columns,
    offsetColumns: 0,
    codes: await file.append(codes),
    scales: await file.append(scales),
  };
}

/**
 * 4-bit blocks (value = code * scale + offset) for MatMulNBits, which knows integer zero points only. What an integer
 * zero point leaves of each block's offset, at most half a step, becomes a weight of its own on the sum of that
 * block's inputs: `columns / 32` further columns, 4 bits as well. Without them Q4_1 and Q4_K lose as much again as
 * they lost when the file was made.
 */
async function packAffine(matrix: AffineMatrix, file: WeightFile): Promise<PackedLinear> {
  const { rows, columns } = matrix;
  const blocks = columns / BLOCK;
  const rest = new Float32Array(rows * blocks);
  const zeros = new Uint8Array(rows * blocks);
  let largestRest = 0;
  for (let i = 0; i < rest.length; i++) {
    const scale = matrix.scales[i] ?? 0;
    const offset = matrix.offsets[i] ?? 0;
    const zero = scale === 0 ? 8 : Math.min(15, Math.max(0, Math.round(-offset / scale)));
    zeros[i] = zero;
    rest[i] = offset + zero * scale;
    largestRest = Math.max(largestRest, Math.abs(rest[i] ?? 0) / (Math.abs(scale) || 1));
  }
  const exact = largestRest < 1e-6;
  const offsetColumns = exact ? 0 : Math.ceil(blocks / BLOCK) * BLOCK;
  const packed = packNibbles(matrix, zeros, rest, offsetColumns);
  return {
    format: "nbits",
    bits: 4,
    rows,
    columns,
    offsetColumns,
    codes: await file.append(packed.codes),
    scales: await file.append(packed.scales),
    zeroPoints: await file.append(packed.zeroPoints),
  };
}

/** MatMulNBits' layout: two codes a byte, low nibble first; zero points likewise, each row padded to whole bytes. */
function packNibbles(matrix: AffineMatrix, zeros: Uint8Array, rest: Float32Array, offsetColumns: number) {
  const { rows, columns } = matrix;
  const blocks = columns / BLOCK;
  const width = columns + offsetColumns;
  const allBlocks = width / BLOCK;
  const codes = new Uint8Array((rows * width) / 2);
  const scales = new Float32Array(rows * allBlocks);
  const zeroBytes = Math.ceil(allBlocks / 2);
  const zeroPoints = new Uint8Array(rows * zeroBytes).fill(0x88);
  for (let row = 0; row < rows; row++) {
    const target = (row * width) / 2;
    const source = row * columns;
    for (let i = 0; i < columns; i += 2) {
      codes[target + i / 2] = (matrix.codes[source + i] ?? 0) | ((matrix.codes[source + i + 1] ?? 0) << 4);
    }
    for (let block = 0; block < blocks; block++) {
      scales[row * allBlocks + block] = matrix.scales[row * blocks + block] ?? 0;
      setNibble(zeroPoints, row * zeroBytes * 2 + block, zeros[row * blocks + block] ?? 8);
    }
    for (let from = 0; from < offsetColumns; from += BLOCK) {
      const values = rest.subarray(row * blocks + from, row * blocks + Math.min(from + BLOCK, blocks));
      const scale = largest(values, 0, values.length) / 7;
      scales[row * allBlocks + blocks + from / BLOCK] = scale;
      for (let i = 0; i < BLOCK; i++) {
        const code = scale === 0 ? 8 : 8 + Math.round((values[i] ?? 0) / scale);
        setNibble(codes, row * width + columns + from + i, code);
      }
    }
  }
  return { codes, scales, zeroPoints };
}

function setNibble(bytes: Uint8Array, index: number, value: number): void {
  const at = index >> 1;
  const old = bytes[at] ?? 0;
  bytes[at] = index % 2 === 0 ? (old & 0xf0) | value : (old & 0x0f) | (value << 4);
}

function largest(values: Float32Array, from: number, to: number): number {
  let result = 0;
  for (let i = from; i < to; i++) result = Math.max(result, Math.abs(values[i] ?? 0));
  return result;
}

/**
 * For MatMulInteger: int8, one scale an output. `inputScales` [columns] are SmoothQuant's (arXiv 2211.10438): each
 * column is multiplied by its scale, and what comes in must have been divided by it; `outputScales` [rows] divide the
 * results, for the next layer's sake.
 */
export async function packInt8(
  matrix: Matrix,
  file: WeightFile,
  inputScales?: Float32Array,
  outputScales?: Float32Array,
): Promise<PackedLinear> {
  const { rows, columns, values } = matrix;
  const weight = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  const line = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) line[i] = (values[row * columns + i] ?? 0) * (inputScales?.[i] ?? 1);
    const scale = largest(line, 0, columns) / 127;
    scales[row] = scale / (outputScales?.[row] ?? 1);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < columns; i++) weight[i * rows + row] = Math.round((line[i] ?? 0) * inverse);
  }
  return { format: "int8", rows, columns, weight: await file.append(weight), scales: await file.append(scales) };
}

/** Emits `input` [1, T, columns] times the matrix: [1, T, rows]. */
export function emitLinear(graph: OnnxGraph, name: string, linear: PackedLinear, input: string): string {
  const { rows, columns } = linear;
  if (linear.format === "float32") {
    const weight = graph.constant(`${name}.weight`, "float32", [columns, rows], linear.weight);
    return graph.node("MatMul", [input, weight]);
  }
  if (linear.format === "nbits") return emitNBits(graph, name, linear, input);
  const weight = graph.constant(`${name}.weight`, "int8", [columns, rows], linear.weight);
  const scales = graph.constant(`${name}.scales`, "float32", [rows], linear.scales);
  const quantized = emitRowQuantization(graph, input);
  const zero = graph.constant("int8 zero", "uint8", [], Uint8Array.of(128));
  const product = graph.contrib("MatMulIntegerToFloat", [quantized.codes, weight, graph.scalar(1), scales, zero]);
  return graph.node("Mul", [product, quantized.scales]);
}

function emitNBits(
  graph: OnnxGraph,
  name: string,
  linear: Extract<PackedLinear, { format: "nbits" }>,
  input: string,
): string {
  const { rows, columns, bits, offsetColumns, isExact = false } = linear;
  const width = columns + offsetColumns;
  const blocks = width / BLOCK;
  const inputs = [
    offsetColumns === 0 ? input : emitBlockSums(graph, input, columns, offsetColumns),
    graph.constant(`${name}.codes`, "uint8", [rows, blocks, (BLOCK * bits) / 8], linear.codes),
    graph.constant(`${name}.scales`, "float32", [rows * blocks], linear.scales),
  ];
  if (linear.zeroPoints) {
    inputs.push(graph.constant(`${name}.zeros`, "uint8", [rows * Math.ceil(blocks / 2)], linear.zeroPoints));
  }
  // Accuracy level 4: inputs are rounded to int8 a block of 32 at a time, as llama.cpp does.
  const accuracy = isExact ? 1 : 4;
  return graph.contrib("MatMulNBits", inputs, { K: width, N: rows, bits, block_size: BLOCK, accuracy_level: accuracy });
}

/** Appends to each row the sums of its blocks of 32, for the columns that `packAffine` added. */
function emitBlockSums(graph: OnnxGraph, input: string, columns: number, offsetColumns: number): string {
  const output = `${input}.with_sums`;
  if (graph.has(output)) return output;
  const ones = new Float32Array(columns * offsetColumns);
  for (let i = 0; i < columns; i++) ones[i * offsetColumns + Math.floor(i / BLOCK)] = 1;
  const matrix = graph.constant(`block sums ${columns}`, "float32", [columns, offsetColumns], ones);
  const sums = graph.node("MatMul", [input, matrix]);
  return graph.node("Concat", [input, sums], { axis: 2 }, output);
}

/** Rounds each row to int8 (as uint8 about 128) with a scale of its own; rows that several products share, once. */
function emitRowQuantization(graph: OnnxGraph, input: string): { codes: string; scales: string } {
  const codes = `${input}.codes`;
  const scales = `${input}.row_scales`;
  if (graph.has(codes)) return { codes, scales };
  const magnitude = graph.node("ReduceMax", [graph.node("Abs", [input]), graph.integers(-1)], { keepdims: 1 });
  graph.node("Add", [graph.node("Mul", [magnitude, graph.scalar(1 / 127)]), graph.scalar(1e-8)], {}, scales);
  const scaled = graph.node("Div", [input, scales]);
  const zero = graph.constant("int8 zero", "uint8", [], Uint8Array.of(128));
  graph.node("QuantizeLinear", [scaled, graph.scalar(1), zero], {}, codes);
  return { codes, scales };
}
