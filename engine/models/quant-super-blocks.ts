import { halfToFloat } from "./half-float.ts";

// Super-blocks of 256 values (ggml's K-quants and IQ4_XS): one or two halves scale the scales of 8 or 16 sub-blocks.
// Each function decodes whole blocks of `bytes` into `out`.

const SUPER_BLOCK = 256;

/** The non-linear levels of IQ4_NL and IQ4_XS (`kvalues_iq4nl`), as a DataView for its number-typed getter. */
const LEVELS = new DataView(
  Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113).buffer,
);

/** 16 bytes of scale and minimum (4 bits each), 64 bytes of 2-bit codes, scale of scales, scale of minimums. */
export function dequantizeQ2K(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 84, to += SUPER_BLOCK) {
    const scale = halfToFloat(bytes.getUint16(at + 80, true));
    const minimumScale = halfToFloat(bytes.getUint16(at + 82, true));
    for (let sub = 0; sub < 16; sub++) {
      const packed = bytes.getUint8(at + sub);
      const subScale = scale * (packed & 15);
      const minimum = minimumScale * (packed >> 4);
      const codes = at + 16 + twoBitOffset(sub);
      const shift = twoBitShift(sub);
      for (let i = 0; i < 16; i++) {
        out[to + sub * 16 + i] = subScale * ((bytes.getUint8(codes + i) >> shift) & 3) - minimum;
      }
    }
  }
}

/** 32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of 6-bit scales, scale of scales. */
export function dequantizeQ3K(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 110, to += SUPER_BLOCK) {
    const scale = halfToFloat(bytes.getUint16(at + 108, true));
    for (let sub = 0; sub < 16; sub++) {
      const subScale = scale * (q3SubScale(bytes, at + 96, sub) - 32);
      const codes = at + 32 + twoBitOffset(sub);
      const shift = twoBitShift(sub);
      const highBits = at + (sub % 2) * 16;
      const highShift = sub >> 1;
      for (let i = 0; i < 16; i++) {
        const low = (bytes.getUint8(codes + i) >> shift) & 3;
        // The offset of 4 holds where the third bit is 0.
        const high = (bytes.getUint8(highBits + i) >> highShift) & 1;
        out[to + sub * 16 + i] = subScale * (low + 4 * high - 4);
      }
    }
  }
}

/** Scale of scales, scale of minimums, 12 bytes of 6-bit scales and minimums, 128 bytes of nibbles. */
export function dequantizeQ4K(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 144, to += SUPER_BLOCK) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    const minimumScale = halfToFloat(bytes.getUint16(at + 2, true));
    for (let sub = 0; sub < 8; sub++) {
      const subScale = scale * sixBitScale(bytes, at + 4, sub);
      const minimum = minimumScale * sixBitMinimum(bytes, at + 4, sub);
      const codes = at + 16 + (sub >> 1) * 32;
      const shift = (sub % 2) * 4;
      for (let i = 0; i < 32; i++) {
        out[to + sub * 32 + i] = subScale * ((bytes.getUint8(codes + i) >> shift) & 15) - minimum;
      }
    }
  }
}

/** As Q4_K, with 32 bytes of fifth bits before the nibbles. */
export function dequantizeQ5K(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 176, to += SUPER_BLOCK) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    const minimumScale = halfToFloat(bytes.getUint16(at + 2, true));
    for (let sub = 0; sub < 8; sub++) {
      const subScale = scale * sixBitScale(bytes, at + 4, sub);
      const minimum = minimumScale * sixBitMinimum(bytes, at + 4, sub);
      const codes = at + 48 + (sub >> 1) * 32;
      const shift = (sub % 2) * 4;
      for (let i = 0; i < 32; i++) {
        const low = (bytes.getUint8(codes + i) >> shift) & 15;
        const high = (bytes.getUint8(at + 16 + i) >> sub) & 1;
        out[to + sub * 32 + i] = subScale * (low + 16 * high) - minimum;
      }
    }
  }
}

/** 128 bytes of low nibbles, 64 bytes of high 2 bits, 16 signed scales, scale of scales. */
export function dequantizeQ6K(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 210, to += SUPER_BLOCK) {
    const scale = halfToFloat(bytes.getUint16(at + 208, true));
    for (let sub = 0; sub < 16; sub++) {
      const subScale = scale * bytes.getInt8(at + 192 + sub);
      const half = sub >> 3;
      const quarter = (sub >> 1) % 4;
      const low = at + half * 64 + (quarter % 2) * 32 + (sub % 2) * 16;
      const lowShift = (quarter >> 1) * 4;
      const high = at + 128 + half * 32 + (sub % 2) * 16;
      for (let i = 0; i < 16; i++) {
        const code =
          ((bytes.getUint8(low + i) >> lowShift) & 15) | (((bytes.getUint8(high + i) >> (quarter * 2)) & 3) << 4);
        out[to + sub * 16 + i] = subScale * (code - 32);
      }
    }
  }
}

/** Blocks of 32: scale, 16 bytes of nibbles that name levels. */
export function dequantizeIq4Nl(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 18, to += 32) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    writeLevels(bytes, at + 2, scale, out, to);
  }
}

/** Scale of scales, 2 bytes with the high 2 bits and 4 bytes with the low 4 bits of 8 scales, 128 bytes of nibbles. */
export function dequantizeIq4Xs(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 136, to += SUPER_BLOCK) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    const highBits = bytes.getUint16(at + 2, true);
    for (let sub = 0; sub < 8; sub++) {
      const low = (bytes.getUint8(at + 4 + (sub >> 1)) >> ((sub % 2) * 4)) & 15;
      const high = (highBits >> (sub * 2)) & 3;
      writeLevels(bytes, at + 8 + sub * 16, scale * ((low | (high << 4)) - 32), out, to + sub * 32);
    }
  }
}

function writeLevels(bytes: DataView, at: number, scale: number, out: Float32Array, to: number): void {
  for (let i = 0; i < 16; i++) {
    const pair = bytes.getUint8(at + i);
    out[to + i] = scale * LEVELS.getInt8(pair & 15);
    out[to + 16 + i] = scale * LEVELS.getInt8(pair >> 4);
  }
}

/** The 6-bit scale of sub-block 0..7 of Q4_K and Q5_K: low 6 bits of bytes 0..3, then split over bytes 8..11 and 0..3. */
export function sixBitScale(bytes: DataView, at: number, sub: number): number {
  if (sub < 4) return bytes.getUint8(at + sub) & 63;
  return (bytes.getUint8(at + sub + 4) & 15) | ((bytes.getUint8(at + sub - 4) >> 6) << 4);
}

/** The 6-bit minimum of sub-block 0..7 of Q4_K and Q5_K: as the scale, in bytes 4..7 and the high nibbles of 8..11. */
export function sixBitMinimum(bytes: DataView, at: number, sub: number): number {
  if (sub < 4) return bytes.getUint8(at + sub + 4) & 63;
  return (bytes.getUint8(at + sub + 4) >> 4) | ((bytes.getUint8(at + sub) >> 6) << 4);
}

/** Q3_K's 16 scales: 8 bytes of low nibbles, then 4 bytes of high 2 bits. */
function q3SubScale(bytes: DataView, at: number, sub: number): number {
  const low = (bytes.getUint8(at + (sub % 8)) >> (sub < 8 ? 0 : 4)) & 15;
  const high = (bytes.getUint8(at + 8 + (sub % 4)) >> ((sub >> 2) * 2)) & 3;
  return low | (high << 4);
}

/** Two-bit codes: 32 bytes hold 128 values, 32 for each pair of bits; a sub-block is 16 of those. */
function twoBitOffset(sub: number): number {
  return (sub >> 3) * 32 + (sub % 2) * 16;
}

function twoBitShift(sub: number): number {
  return ((sub >> 1) % 4) * 2;
}
