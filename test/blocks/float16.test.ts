import { expect, test } from "vitest";

import { float16Bits, float16Ceil, float16Floor } from "../../engine/blocks/float16.ts";
import { halfToFloat } from "../../engine/models/half-float.ts";
import { seededRandom } from "../support/random.ts";

test("every finite half is its own nearest", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    if ((bits & 0x7c00) === 0x7c00) continue;
    expect(float16Bits(halfToFloat(bits))).toBe(bits);
  }
});

test("others go to the nearest, floor below and ceil above", () => {
  const random = seededRandom(1);
  for (let i = 0; i < 20_000; i++) {
    const value = Math.fround((random() - 0.5) * 2 ** Math.floor(random() * 40 - 24));
    const [floor, ceil] = [halfToFloat(float16Floor(value)), halfToFloat(float16Ceil(Math.abs(value)))];
    if (Math.abs(value) < 65_504) {
      expect(floor).toBeLessThanOrEqual(value);
      expect(ceil).toBeGreaterThanOrEqual(Math.abs(value));
      const nearest = Math.abs(halfToFloat(float16Bits(value)) - value);
      expect(nearest).toBeLessThanOrEqual(value - floor);
      expect(nearest).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25));
    }
  }
});

test("numbers beyond the range become the largest", () => {
  expect(halfToFloat(float16Bits(1e6))).toBe(65_504);
  expect(halfToFloat(float16Bits(-Infinity))).toBe(-65_504);
});
