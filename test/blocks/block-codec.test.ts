import { describe, expect, test } from "vitest";

import type { KvShape, LayerKv } from "../../engine/blocks/block.ts";
import { blockTokens, CorruptBlockError, decodeBlock, encodeBlock } from "../../engine/blocks/block-codec.ts";
import type { CodecName } from "../../engine/blocks/block-codec.ts";
import { seededRandom } from "../support/random.ts";
import { emptyKv } from "../support/stand-in-encoder.ts";

const SHAPE: KvShape = { layers: 2, kvHeads: 3, headDim: 64 };
const ROWS = 140;

/** Relative RMS error that normally distributed numbers must stay under; real keys are smoother (0.003 at 8 bits, 0.042 at 4). */
const BOUNDS: Record<CodecName, { keys: number; values: number }> = {
  int8: { keys: 0.008, values: 0.008 },
  int4: { keys: 0.12, values: 0.11 },
  int4k5: { keys: 0.11, values: 0.11 },
  f16: { keys: 0.0004, values: 0.0004 },
};
const CODECS = Object.keys(BOUNDS).filter((name): name is CodecName => name in BOUNDS);

function normalKv(shape: KvShape, rows: number, seed: number): LayerKv {
  const random = seededRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const kv = emptyKv(shape, rows);
  for (const array of [...kv.keys, ...kv.values]) for (let i = 0; i < array.length; i++) array[i] = normal();
  return kv;
}

function relativeError(
  actual: Float32Array[],
  expected: Float32Array[],
  rows: [from: number, to: number],
  row: number,
): number {
  const width = SHAPE.kvHeads * SHAPE.headDim;
  let error = 0;
  let energy = 0;
  for (const [layer, array] of expected.entries()) {
    const wanted = array.subarray(rows[0] * width, rows[1] * width);
    const got = actual[layer]?.subarray(row * width, (row + rows[1] - rows[0]) * width);
    for (const [i, value] of wanted.entries()) {
      error += ((got?.[i] ?? Number.NaN) - value) ** 2;
      energy += value ** 2;
    }
  }
  return Math.sqrt(error / energy);
}

describe.each(CODECS)("%s", (codec) => {
  test("a block of any size comes back at another row, within the bound, and nothing beside it is touched", () => {
    const kv = normalKv(SHAPE, ROWS, 1);
    const width = SHAPE.kvHeads * SHAPE.headDim;
    for (let tokens = 1; tokens <= 128; tokens++) {
      const blob = encodeBlock(codec, kv, SHAPE, 7, 7 + tokens);
      expect(blockTokens(blob, SHAPE)).toBe(tokens);
      const target = emptyKv(SHAPE, ROWS);
      expect(decodeBlock(blob, SHAPE, target, 3)).toBe(tokens);
      expect(relativeError(target.keys, kv.keys, [7, 7 + tokens], 3)).toBeLessThan(BOUNDS[codec].keys);
      expect(relativeError(target.values, kv.values, [7, 7 + tokens], 3)).toBeLessThan(BOUNDS[codec].values);
      for (const array of [...target.keys, ...target.values]) {
        expect(array.subarray(0, 3 * width).every((value) => value === 0)).toBe(true);
        expect(array.subarray((3 + tokens) * width).every((value) => value === 0)).toBe(true);
      }
    }
  });

  test("channels with a large mean keep their precision", () => {
    const kv = normalKv(SHAPE, ROWS, 2);
    const shifted = { keys: kv.keys.map((keys) => keys.map((key, i) => key + (i % 192) * 0.1)), values: kv.values };
    const target = emptyKv(SHAPE, ROWS);
    decodeBlock(encodeBlock(codec, shifted, SHAPE, 0, 128), SHAPE, target, 0);
    const error = target.keys[0]
      ?.subarray(0, 128 * 192)
      .map((key, i) => Math.abs(key - (shifted.keys[0]?.[i] ?? Number.NaN)));
    expect(Math.max(...(error ?? []))).toBeLessThan(codec.startsWith("int4") ? 0.35 : 0.1);
  });

  test("zeros, one value and huge values come back", () => {
    for (const value of [0, 1, -3.5, 60_000, -60_000, 1e-7]) {
      const kv = emptyKv(SHAPE, 2);
      for (const array of [...kv.keys, ...kv.values]) array.fill(value);
      const target = emptyKv(SHAPE, 2);
      decodeBlock(encodeBlock(codec, kv, SHAPE, 0, 2), SHAPE, target, 0);
      for (const got of target.values[1] ?? [])
        expect(Math.abs(got - value)).toBeLessThanOrEqual(Math.abs(value) / 100 + 1e-7);
    }
  });

  test.each([{ layers: 3, kvHeads: 1, headDim: 6 }, SHAPE])(
    "memory that was used before gives the same bytes",
    (shape) => {
      const kv = normalKv(shape, 5, 3);
      const fresh = encodeBlock(codec, kv, shape, 1, 4);
      const used = encodeBlock(codec, kv, shape, 1, 4, (bytes) => new Uint8Array(bytes + 8).fill(255).subarray(8));
      expect(used).toEqual(fresh);
      expect(decodeBlock(used, shape, emptyKv(shape, 3), 0)).toBe(3);
    },
  );

  test("bytes at an odd address are decoded", () => {
    const kv = normalKv(SHAPE, 4, 4);
    const blob = encodeBlock(codec, kv, SHAPE, 0, 4);
    const moved = new Uint8Array(blob.length + 1).subarray(1);
    moved.set(blob);
    const [aligned, unaligned] = [emptyKv(SHAPE, 4), emptyKv(SHAPE, 4)];
    decodeBlock(blob, SHAPE, aligned, 0);
    decodeBlock(moved, SHAPE, unaligned, 0);
    expect(unaligned).toEqual(aligned);
  });

  test("any changed byte that matters is told", () => {
    const blob = encodeBlock(codec, normalKv(SHAPE, 4, 5), SHAPE, 0, 4);
    const random = seededRandom(6);
    const places = [0, 4, 5, 6, 8, 10, 12, 16, 20, 32, blob.length - 1];
    for (let i = 0; i < 50; i++) places.push(32 + Math.floor(random() * (blob.length - 32)));
    for (const at of places) {
      const damaged = blob.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      expect(() => decodeBlock(damaged, SHAPE, emptyKv(SHAPE, 4), 0)).toThrow(CorruptBlockError);
    }
  });
});

test("a blob that is cut off, empty or of another model is told", () => {
  const blob = encodeBlock("int8", normalKv(SHAPE, 4, 7), SHAPE, 0, 4);
  for (const length of [0, 1, 31, 32, blob.length - 1]) {
    expect(() => blockTokens(blob.subarray(0, length), SHAPE)).toThrow(CorruptBlockError);
  }
  expect(() => blockTokens(blob, { ...SHAPE, layers: 3 })).toThrow("its shape is 2x3x64");
});

test("a target that is too small is refused before anything is written", () => {
  const blob = encodeBlock("int8", normalKv(SHAPE, 4, 8), SHAPE, 0, 4);
  expect(() => decodeBlock(blob, SHAPE, emptyKv(SHAPE, 4), 1)).toThrow(RangeError);
});

test("a fifth bit goes to the channels with the widest keys: their error is that of 5 bits, the others' that of 4", () => {
  const shape = { layers: 1, kvHeads: 1, headDim: 64 };
  const random = seededRandom(9);
  const kv = emptyKv(shape, 128);
  const width = (channel: number): number => (channel % 3 === 0 ? 10 : 1);
  for (const [i] of (kv.keys[0] ?? []).entries()) kv.keys[0]?.fill(random() * width(i % 64), i, i + 1);
  const largestError = (codec: CodecName, wide: boolean): number => {
    const target = emptyKv(shape, 128);
    decodeBlock(encodeBlock(codec, kv, shape, 0, 128), shape, target, 0);
    const errors = [...(target.keys[0] ?? [])].map((key, i) => Math.abs(key - (kv.keys[0]?.[i] ?? Number.NaN)));
    return Math.max(...errors.filter((_, i) => (width(i % 64) === 10) === wide));
  };
  expect(largestError("int4k5", false)).toBeCloseTo(largestError("int4", false), 3);
  expect(largestError("int4k5", true)).toBeLessThan(0.52 * largestError("int4", true));
});
