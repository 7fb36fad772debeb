import { halfToFloat } from "./half-float.ts";
import {
  dequantizeIq4Nl,
  dequantizeIq4Xs,
  dequantizeQ2K,
  dequantizeQ3K,
  dequantizeQ4K,
  dequantizeQ5K,
  dequantizeQ6K,
} from "./quant-super-blocks.ts";
import { BLOCK_LAYOUTS, type TensorType } from "./tensor-types.ts";

// Layouts and arithmetic of ggml-quants.c. Products of a half and a few bits are exact in a double, so rounding once, when
// the value is stored as fp32, gives the same bits as the reference's fp32 arithmetic.

/** Decodes `bytes`, whole blocks, into `out`. */
type Dequantizer = (bytes: DataView, out: Float32Array) => void;

const DEQUANTIZERS: Readonly<Record<TensorType, Dequantizer>> = {
  F32: (bytes, out) => {
    for (let i = 0; i < out.length; i++) out[i] = bytes.getFloat32(i * 4, true);
  },
  F16: (bytes, out) => {
    for (let i = 0; i < out.length; i++) out[i] = halfToFloat(bytes.getUint16(i * 2, true));
  },
  BF16: (bytes, out) => {
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < bits.length; i++) bits[i] = bytes.getUint16(i * 2, true) << 16;
  },
  I8: (bytes, out) => {
    for (let i = 0; i < out.length; i++) out[i] = bytes.getInt8(i);
  },
  Q8_0: dequantizeQ8,
  Q4_0: dequantizeQ4,
  Q4_1: dequantizeQ4WithMinimum,
  Q5_0: dequantizeQ5,
  Q5_1: dequantizeQ5WithMinimum,
  Q2_K: dequantizeQ2K,
  Q3_K: dequantizeQ3K,
  Q4_K: dequantizeQ4K,
  Q5_K: dequantizeQ5K,
  Q6_K: dequantizeQ6K,
  IQ4_NL: dequantizeIq4Nl,
  IQ4_XS: dequantizeIq4Xs,
};

/**
 * Decodes consecutive values of a tensor: the same fp32 numbers, bit for bit, as the Python package `gguf`.
 * @param bytes whole blocks of `type`
 * @param out as many values as the blocks hold
 */
export function dequantize(type: TensorType, bytes: Uint8Array, out: Float32Array): void {
  const layout = BLOCK_LAYOUTS[type];
  if (bytes.length * layout.values !== out.length * layout.bytes) {
    throw new RangeError(`${bytes.length} bytes of ${type} are not ${out.length} values`);
  }
  DEQUANTIZERS[type](new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), out);
}

/** 2 bytes of scale, 32 signed bytes. */
function dequantizeQ8(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 34, to += 32) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    for (let i = 0; i < 32; i++) out[to + i] = bytes.getInt8(at + 2 + i) * scale;
  }
}

/** 2 bytes of scale, 16 bytes: low nibbles are values 0..15, high ones 16..31; codes are 8 too large. */
function dequantizeQ4(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 18, to += 32) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    for (let i = 0; i < 16; i++) {
      const pair = bytes.getUint8(at + 2 + i);
      out[to + i] = ((pair & 15) - 8) * scale;
      out[to + 16 + i] = ((pair >> 4) - 8) * scale;
    }
  }
}

/** 2 bytes of scale, 2 of minimum, 16 bytes of nibbles. */
function dequantizeQ4WithMinimum(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 20, to += 32) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    const minimum = halfToFloat(bytes.getUint16(at + 2, true));
    for (let i = 0; i < 16; i++) {
      const pair = bytes.getUint8(at + 4 + i);
      out[to + i] = (pair & 15) * scale + minimum;
      out[to + 16 + i] = (pair >> 4) * scale + minimum;
    }
  }
}

/** 2 bytes of scale, 4 bytes with the 32 fifth bits, 16 bytes of nibbles; codes are 16 too large. */
function dequantizeQ5(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 22, to += 32) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    const high = bytes.getUint32(at + 2, true);
    for (let i = 0; i < 16; i++) {
      const pair = bytes.getUint8(at + 6 + i);
      out[to + i] = ((pair & 15) + 16 * ((high >>> i) & 1) - 16) * scale;
      out[to + 16 + i] = ((pair >> 4) + 16 * ((high >>> (16 + i)) & 1) - 16) * scale;
    }
  }
}

/** As Q5_0, with 2 bytes of minimum after the scale. */
function dequantizeQ5WithMinimum(bytes: DataView, out: Float32Array): void {
  for (let at = 0, to = 0; to < out.length; at += 24, to += 32) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    const minimum = halfToFloat(bytes.getUint16(at + 2, true));
    const high = bytes.getUint32(at + 4, true);
    for (let i = 0; i < 16; i++) {
      const pair = bytes.getUint8(at + 8 + i);
      out[to + i] = ((pair & 15) + 16 * ((high >>> i) & 1)) * scale + minimum;
      out[to + 16 + i] = ((pair >> 4) + 16 * ((high >>> (16 + i)) & 1)) * scale + minimum;
    }
  }
}
