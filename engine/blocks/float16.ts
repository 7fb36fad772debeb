import { halfToFloat } from "../models/half-float.ts";

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The largest finite half-precision number. */
const LARGEST = 0x7bff;

/**
 * The bits of the half-precision number nearest to `value`, ties to even (IEEE 754 binary16). Beyond the range it saturates.
 * (`Float16Array` is missing from the Node of current VS Code.)
 */
export function float16Bits(value: number): number {
  single[0] = value;
  const bits = singleBits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x477ff000) return sign | LARGEST;
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(value) * 2 ** 24);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The largest half-precision number that is not above `value`. */
export function float16Floor(value: number): number {
  const bits = float16Bits(value);
  return halfToFloat(bits) <= value ? bits : below(bits);
}

/** The smallest half-precision number that is not below a `value` >= 0. */
export function float16Ceil(value: number): number {
  const bits = float16Bits(value);
  return halfToFloat(bits) >= value || bits === LARGEST ? bits : bits + 1;
}

function below(bits: number): number {
  if (bits === 0) return 0x8001;
  if ((bits & 0x8000) === 0) return bits - 1;
  return bits === (0x8000 | LARGEST) ? bits : bits + 1;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
