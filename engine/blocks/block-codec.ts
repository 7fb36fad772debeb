import { crc32 } from "node:zlib";

import { RepoMemoryError } from "../protocol/errors.ts";
import type { KvShape, LayerKv } from "./block.ts";
import { float16Codec } from "./float16-codec.ts";
import { int4Codec } from "./int4-codec.ts";
import { int4k5Codec } from "./int4k5-codec.ts";
import { int8Codec } from "./int8-codec.ts";
import type { KvCodec } from "./kv-codec.ts";

/** How keys and values are stored: 8 bits, 4 bits, 4 bits with a fifth for the widest keys, or half precision a number. */
export type CodecName = "int8" | "int4" | "int4k5" | "f16";

/** What new blocks are stored in: the smallest that keeps the KL divergence of one file below 0.01 (`docs/memory.md`). */
export const DEFAULT_CODEC: CodecName = "int4k5";

const CODECS: Readonly<Record<CodecName, KvCodec>> = {
  int8: int8Codec,
  int4: int4Codec,
  int4k5: int4k5Codec,
  f16: float16Codec,
};

/*
 * A blob, little-endian: u32 magic, u8 version, u8 codec, u16 tokens, u16 layers, u16 KV heads, u16 head dimension, u16 zero,
 * u32 CRC-32 of what follows the header, u32 its length, 8 bytes zero; then the layers, each as its codec lays it out.
 */
const MAGIC = 0x564b4d52; // "RMKV"
const VERSION = 1;
const HEADER_BYTES = 32;

/** A stored block whose bytes are not what was written; the block has to be encoded again. */
export class CorruptBlockError extends RepoMemoryError {
  constructor(what: string) {
    super("store-failed", {
      message: `A stored block is damaged: ${what}.`,
      meaning: "Its part of the file is missing from memory until it is read again.",
      remedy: "Ingest the folder again; if it happens often, check the disk.",
    });
  }
}

/** Gives memory for `bytes` bytes at a multiple of 4. */
export type Allocate = (bytes: number) => Uint8Array<ArrayBuffer>;

/**
 * Encodes rows [fromRow, toRow) of every layer. The rows must be finite numbers; at most 65,535 of them. Fresh memory costs
 * as much as the arithmetic (its pages are zeroed one by one), so a caller that encodes many blocks hands in its own.
 */
export function encodeBlock(
  codec: CodecName,
  kv: LayerKv,
  shape: KvShape,
  fromRow: number,
  toRow: number,
  allocate: Allocate = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  const tokens = toRow - fromRow;
  const channels = shape.kvHeads * shape.headDim;
  const layout = CODECS[codec];
  const size = layout.layerBytes(tokens, channels);
  const blob = allocate(HEADER_BYTES + shape.layers * size);
  // Only then is there padding between sections, which must not hold what the memory held before.
  if ((tokens * channels) % 8 !== 0) blob.fill(0);
  for (let layer = 0, at = blob.byteOffset + HEADER_BYTES; layer < shape.layers; layer++, at += size) {
    const [keys, values] = layerOf(kv, layer, toRow * channels);
    layout.encode({ keys, values, row: fromRow, tokens, channels }, blob.buffer, at);
  }
  writeHeader(blob, layout.id, tokens, shape);
  return blob;
}

/**
 * Decodes a block into rows [targetRow, targetRow + tokens) of every layer of `target`; keys are un-rotated. Returns the
 * number of tokens. Throws `CorruptBlockError` where `bytes` is not a whole block of this shape.
 */
export function decodeBlock(bytes: Uint8Array, shape: KvShape, target: LayerKv, targetRow: number): number {
  const { codec, tokens } = checkBlock(bytes, shape);
  const channels = shape.kvHeads * shape.headDim;
  const size = codec.layerBytes(tokens, channels);
  const { buffer, start } = alignedBuffer(bytes);
  for (let layer = 0, at = start + HEADER_BYTES; layer < shape.layers; layer++, at += size) {
    const [keys, values] = layerOf(target, layer, (targetRow + tokens) * channels);
    codec.decode(buffer, at, { keys, values, row: targetRow, tokens, channels });
  }
  return tokens;
}

/** The number of tokens of a block that `decodeBlock` would accept. Throws `CorruptBlockError`. */
export function blockTokens(bytes: Uint8Array, shape: KvShape): number {
  return checkBlock(bytes, shape).tokens;
}

/** One layer of a block as a block of that layer alone, in the same codec and bit by bit. Throws `CorruptBlockError`. */
export function extractLayer(bytes: Uint8Array, shape: KvShape, layer: number): Uint8Array {
  const { codec, tokens } = checkBlock(bytes, shape);
  const size = codec.layerBytes(tokens, shape.kvHeads * shape.headDim);
  const single = new Uint8Array(HEADER_BYTES + size);
  single.set(bytes.subarray(HEADER_BYTES + layer * size, HEADER_BYTES + (layer + 1) * size), HEADER_BYTES);
  writeHeader(single, codec.id, tokens, { ...shape, layers: 1 });
  return single;
}

function checkBlock(bytes: Uint8Array, shape: KvShape): { codec: KvCodec; tokens: number } {
  if (bytes.byteLength < HEADER_BYTES) throw new CorruptBlockError("it is shorter than its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw new CorruptBlockError("it does not begin with RMKV");
  if (view.getUint8(4) !== VERSION) throw new CorruptBlockError(`its version is ${view.getUint8(4)}`);
  const codec = Object.values(CODECS).find(({ id }) => id === view.getUint8(5));
  if (codec === undefined) throw new CorruptBlockError(`its codec is ${view.getUint8(5)}`);
  const tokens = view.getUint16(6, true);
  const dimensions = [view.getUint16(8, true), view.getUint16(10, true), view.getUint16(12, true)];
  const expected = [shape.layers, shape.kvHeads, shape.headDim];
  if (dimensions.join() !== expected.join()) throw new CorruptBlockError(`its shape is ${dimensions.join("x")}`);
  const length = shape.layers * codec.layerBytes(tokens, shape.kvHeads * shape.headDim);
  if (view.getUint32(20, true) !== length || bytes.byteLength !== HEADER_BYTES + length) {
    throw new CorruptBlockError("its length does not fit its header");
  }
  if (view.getUint32(16, true) !== crc32(bytes.subarray(HEADER_BYTES))) {
    throw new CorruptBlockError("its checksum does not match");
  }
  return { codec, tokens };
}

function writeHeader(blob: Uint8Array<ArrayBuffer>, codec: number, tokens: number, shape: KvShape): void {
  blob.fill(0, 0, HEADER_BYTES);
  const view = new DataView(blob.buffer, blob.byteOffset);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, VERSION);
  view.setUint8(5, codec);
  view.setUint16(6, tokens, true);
  view.setUint16(8, shape.layers, true);
  view.setUint16(10, shape.kvHeads, true);
  view.setUint16(12, shape.headDim, true);
  view.setUint32(16, crc32(blob.subarray(HEADER_BYTES)), true);
  view.setUint32(20, blob.byteLength - HEADER_BYTES, true);
}

function layerOf(kv: LayerKv, layer: number, floats: number): [keys: Float32Array, values: Float32Array] {
  const keys = kv.keys[layer];
  const values = kv.values[layer];
  if (keys === undefined || values === undefined || keys.length < floats || values.length < floats) {
    throw new RangeError(`layer ${layer} has fewer than ${floats} numbers`);
  }
  return [keys, values];
}

/** SQLite's driver may hand out bytes anywhere in a pool; typed arrays need them at a multiple of 4. */
function alignedBuffer(bytes: Uint8Array): { buffer: ArrayBuffer; start: number } {
  const { buffer, byteOffset } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset % 4 === 0) return { buffer, start: byteOffset };
  const copy = new Uint8Array(bytes);
  return { buffer: copy.buffer, start: 0 };
}
