// A DataView, not a Float32Array: its getter is typed as always giving a number, and is as fast.
const HALVES = new DataView(new ArrayBuffer(4 * 0x10000));
for (let bits = 0; bits < 0x10000; bits++) HALVES.setFloat32(bits * 4, decodeHalf(bits), true);

/** The value of an IEEE 754 half-precision number, given as its 16 bits. */
export function halfToFloat(bits: number): number {
  return HALVES.getFloat32(bits * 4, true);
}

function decodeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : Number.NaN;
  return sign * (0x400 + mantissa) * 2 ** (exponent - 25);
}
