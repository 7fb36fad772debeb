import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { affineType } from "../../engine/models/affine-blocks.ts";
import { dequantize } from "../../engine/models/quant-blocks.ts";
import { GGUF_TYPES, type TensorType } from "../../engine/models/tensor-types.ts";

const TYPES = [...GGUF_TYPES.values()];

/** Blocks of a type and what the Python package `gguf` decodes them to (test/golden/make_quant_blocks.py). */
function golden(type: TensorType): { blocks: Uint8Array; values: Float32Array } {
  const file = (kind: string) =>
    new Uint8Array(readFileSync(new URL(`../golden/quant-blocks/${type}.${kind}.bin`, import.meta.url)));
  return { blocks: file("blocks"), values: new Float32Array(file("values").buffer) };
}

test.each(TYPES)("%s decodes to the same bits as the package gguf", (type) => {
  const { blocks, values } = golden(type);
  const decoded = new Float32Array(values.length);
  dequantize(type, blocks, decoded);
  const wrong = decoded.findIndex((value, i) => !Object.is(value, values[i]));
  expect({ wrong, value: decoded[wrong] }).toEqual({ wrong: -1, value: undefined });
});

test.each(TYPES.filter((type) => affineType(type)))("%s is code * scale + offset, exactly", (type) => {
  const { blocks, values } = golden(type);
  const codes = new Uint8Array(values.length);
  const scales = new Float32Array(values.length / 32);
  const offsets = new Float32Array(values.length / 32);
  affineType(type)?.unpack(new DataView(blocks.buffer), { codes, scales, offsets });
  const affine = values.map((_, i) => (codes[i] ?? NaN) * (scales[i >> 5] ?? NaN) + (offsets[i >> 5] ?? NaN));
  // -0 and 0 are the same weight; toEqual on the arrays would tell them apart.
  expect(affine.findIndex((value, i) => value !== values[i])).toBe(-1);
});

test("which types are affine, and of how many bits", () => {
  const bits = Object.fromEntries(
    TYPES.map((type) => [type, affineType(type)?.bits]).filter(([, count]) => count !== undefined),
  );
  expect(bits).toEqual({ Q4_0: 4, Q4_1: 4, Q4_K: 4, Q8_0: 8 });
});

test("bytes that are no whole number of blocks are refused", () => {
  expect(() => dequantize("Q4_0", new Uint8Array(17), new Float32Array(32))).toThrow(RangeError);
});
