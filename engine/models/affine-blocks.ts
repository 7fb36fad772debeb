import { halfToFloat } from "./half-float.ts";
import { sixBitMinimum, sixBitScale } from "./quant-super-blocks.ts";
import type { TensorType } from "./tensor-types.ts";

/** One row's blocks of 32 as value = code * scale + offset; views into a whole matrix. */
interface AffineRow {
  codes: Uint8Array; // [columns]
  scales: Float32Array; // [columns / 32]
  offsets: Float32Array; // [columns / 32]
}

/** A type whose blocks of 32 are affine. `unpack` splits the bytes of whole blocks. */
interface AffineType {
  bits: 4 | 8;
  unpack: (bytes: DataView, row: AffineRow) => void;
}

const AFFINE_TYPES: ReadonlyMap<TensorType, AffineType> = new Map<TensorType, AffineType>([
  ["Q4_0", { bits: 4, unpack: unpackQ4 }],
  ["Q4_1", { bits: 4, unpack: unpackQ4WithMinimum }],
  ["Q4_K", { bits: 4, unpack: unpackQ4K }],
  ["Q8_0", { bits: 8, unpack: unpackQ8 }],
]);

/** How a type's blocks are split, or undefined where they are not affine or have more bits than kernels take. */
export function affineType(type: TensorType): AffineType | undefined {
  return AFFINE_TYPES.get(type);
}

function unpackQ4(bytes: DataView, row: AffineRow): void {
  for (let block = 0, at = 0; block < row.scales.length; block++, at += 18) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    row.scales[block] = scale;
    row.offsets[block] = -8 * scale;
    unpackNibbles(bytes, at + 2, row.codes, block * 32);
  }
}

function unpackQ4WithMinimum(bytes: DataView, row: AffineRow): void {
  for (let block = 0, at = 0; block < row.scales.length; block++, at += 20) {
    row.scales[block] = halfToFloat(bytes.getUint16(at, true));
    row.offsets[block] = halfToFloat(bytes.getUint16(at + 2, true));
    unpackNibbles(bytes, at + 4, row.codes, block * 32);
  }
}

function unpackQ4K(bytes: DataView, row: AffineRow): void {
  for (let block = 0; block < row.scales.length; block++) {
    const at = (block >> 3) * 144;
    const sub = block % 8;
    row.scales[block] = halfToFloat(bytes.getUint16(at, true)) * sixBitScale(bytes, at + 4, sub);
    row.offsets[block] = -halfToFloat(bytes.getUint16(at + 2, true)) * sixBitMinimum(bytes, at + 4, sub);
    const from = at + 16 + (sub >> 1) * 32;
    const shift = (sub % 2) * 4;
    for (let i = 0; i < 32; i++) row.codes[block * 32 + i] = (bytes.getUint8(from + i) >> shift) & 15;
  }
}

/** Signed codes become unsigned ones by adding 128. */
function unpackQ8(bytes: DataView, row: AffineRow): void {
  for (let block = 0, at = 0; block < row.scales.length; block++, at += 34) {
    const scale = halfToFloat(bytes.getUint16(at, true));
    row.scales[block] = scale;
    row.offsets[block] = -128 * scale;
    for (let i = 0; i < 32; i++) row.codes[block * 32 + i] = bytes.getInt8(at + 2 + i) + 128;
  }
}

function unpackNibbles(bytes: DataView, at: number, codes: Uint8Array, to: number): void {
  for (let i = 0; i < 16; i++) {
    const pair = bytes.getUint8(at + i);
    codes[to + i] = pair & 15;
    codes[to + 16 + i] = pair >> 4;
  }
}
