import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  emitLinear,
  type Matrix,
  packFloat32,
  packInt8,
  type PackedLinear,
  packNBits,
} from "../../engine/graph/linear.ts";
import { OnnxGraph } from "../../engine/graph/onnx-writer.ts";
import { WeightFile } from "../../engine/graph/weight-file.ts";
import { floats, floatTensor, Session } from "../../engine/runtime/session.ts";
import { seededRandom } from "../support/random.ts";

const ROWS = 48;
const COLUMNS = 96;
const TOKENS = 5;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "repo-memory-linear-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function numbers(count: number, seed: number, scale = 1): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => (random() * 2 - 1) * scale);
}

/** The products as they are defined: [TOKENS, ROWS]. */
function plainProduct(matrix: Matrix, input: Float32Array): Float32Array {
  const result = new Float32Array(TOKENS * matrix.rows);
  for (let token = 0; token < TOKENS; token++) {
    for (let row = 0; row < matrix.rows; row++) {
      let sum = 0;
      for (let i = 0; i < matrix.columns; i++) {
        sum += (input[token * matrix.columns + i] ?? 0) * (matrix.values[row * matrix.columns + i] ?? 0);
      }
      result[token * matrix.rows + row] = sum;
    }
  }
  return result;
}

async function runLinear(
  pack: (file: WeightFile) => Promise<PackedLinear>,
  input: Float32Array,
): Promise<Float32Array> {
  const file = await WeightFile.create(join(folder, "weights.bin"));
  const packed = await pack(file);
  await file.close();
  const graph = new OnnxGraph();
  graph.input("x", "float32", [1, "T", COLUMNS]);
  graph.node("Identity", [emitLinear(graph, "linear", packed, "x")], {}, "y");
  graph.output("y", "float32", [1, "T", ROWS]);
  const path = join(folder, "model.onnx");
  writeFileSync(path, graph.serialize());
  const session = await Session.open(path, { threads: 1 });
  const outputs = await session.run({ x: floatTensor(input, [1, TOKENS, COLUMNS]) });
  const result = floats(outputs, "y").slice();
  await session.close();
  return result;
}

/** Root mean square of the difference over that of the expected numbers. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let size = 0;
  expected.forEach((value, i) => {
    difference += ((actual[i] ?? Infinity) - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(difference / size);
}

/** A matrix stored as Q4_1 stores it: any offset a block, not only whole steps. */
function affineMatrix(offsets: (scale: number, random: () => number) => number): Matrix {
  const random = seededRandom(7);
  const blocks = (ROWS * COLUMNS) / 32;
  const scales = Float32Array.from({ length: blocks }, () => 0.01 + random() * 0.1);
  const affine = {
    rows: ROWS,
    columns: COLUMNS,
    bits: 4 as const,
    codes: Uint8Array.from({ length: ROWS * COLUMNS }, () => Math.floor(random() * 16)),
    scales,
    offsets: scales.map((scale) => offsets(scale, random)),
  };
  const values = Float32Array.from(affine.codes, (code, i) => {
    const block = Math.floor(i / 32);
    return code * (affine.scales[block] ?? 0) + (affine.offsets[block] ?? 0);
  });
  return { rows: ROWS, columns: COLUMNS, values, affine };
}

const matrix: Matrix = { rows: ROWS, columns: COLUMNS, values: numbers(ROWS * COLUMNS, 1) };
const input = numbers(TOKENS * COLUMNS, 2);

test("float32 products are exact", async () => {
  const actual = await runLinear((file) => packFloat32(matrix, file), input);
  expect(relativeError(actual, plainProduct(matrix, input))).toBeLessThan(1e-6);
});

test("8-bit products of a matrix without exact blocks stay within rounding", async () => {
  const actual = await runLinear((file) => packNBits(matrix, file), input);
  expect(relativeError(actual, plainProduct(matrix, input))).toBeLessThan(0.012);
});

test("4-bit blocks with whole zero points keep their codes", async () => {
  const whole = affineMatrix((scale) => -8 * scale);
  const actual = await runLinear((file) => packNBits(whole, file), input);
  expect(relativeError(actual, plainProduct(whole, input))).toBeLessThan(0.01);
});

test("4-bit blocks with any offset lose no more than those with whole ones", async () => {
  const shifted = affineMatrix((scale, random) => -scale * (4 + random() * 8));
  const actual = await runLinear((file) => packNBits(shifted, file), input);
  expect(relativeError(actual, plainProduct(shifted, input))).toBeLessThan(0.012);
  // What integer zero points alone would give: the reason for the further columns.
  const { affine } = shifted;
  const rounded = affine?.offsets.map(
    (offset, i) => Math.round(offset / (affine.scales[i] ?? 1)) * (affine.scales[i] ?? 1),
  );
  const values = Float32Array.from(affine?.codes ?? [], (code, i) => {
    const block = Math.floor(i / 32);
    return code * (affine?.scales[block] ?? 0) + (rounded?.[block] ?? 0);
  });
  const withoutColumns = plainProduct({ ...shifted, values }, input);
  expect(relativeError(withoutColumns, plainProduct(shifted, input))).toBeGreaterThan(0.02);
});

test("int8 with smoothing stands an outlier channel that breaks it without", async () => {
  const outlier = input.map((value, i) => (i % COLUMNS === 11 ? value * 300 : value));
  const expected = plainProduct(matrix, outlier);
  const scales = new Float32Array(COLUMNS).fill(1);
  scales[11] = 200;
  const smoothed = outlier.map((value, i) => value / (scales[i % COLUMNS] ?? 1));
  const plain = await runLinear((file) => packInt8(matrix, file), outlier);
  const smooth = await runLinear((file) => packInt8(matrix, file, scales), smoothed);
  const rest = (values: Float32Array) => values.map((value, i) => value - (expected[i] ?? 0));
  expect(relativeError(smooth, expected)).toBeLessThan(0.02);
  expect(Math.hypot(...rest(smooth))).toBeLessThan(Math.hypot(...rest(plain)));
});

test("output scales divide the results of int8 products", async () => {
  const outputScales = numbers(ROWS, 3).map((value) => 2 + value);
  const actual = await runLinear((file) => packInt8(matrix, file, undefined, outputScales), input);
  const expected = plainProduct(matrix, input).map((value, i) => value / (outputScales[i % ROWS] ?? 1));
  expect(relativeError(actual, expected)).toBeLessThan(0.012);
});
