/** The same model in the types that llama.cpp's kernels are quickest at: a comparison must not win by the file's type alone. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { float16Bits } from "../../engine/blocks/float16.ts";
import { readGguf } from "../../engine/models/gguf.ts";
import { halfToFloat } from "../../engine/models/half-float.ts";
import { ModelFile } from "../../engine/models/model-file.ts";
import { dequantize } from "../../engine/models/quant-blocks.ts";
import { type StoredTensor, tensorBytes } from "../../engine/models/stored-tensor.ts";

/** llama.cpp repacks the first of these for the processor at hand; the second is its plainest type. */
export const QUICK_TYPES = ["Q4_0", "Q8_0"] as const;
type QuickType = (typeof QUICK_TYPES)[number];

/** GGUF's numbers of the types. */
const TYPE_NUMBERS: Readonly<Record<QuickType, number>> = { Q4_0: 2, Q8_0: 8 };
const BLOCK = 32;
const ALIGNMENT = 32;

/**
 * A GGUF file with the layers' matrices of `path` in `type`; all else, the embedding too, is as it was. Made once below
 * `folder`. Weights are rounded a second time, so it answers a little worse, but it computes as fast as one made from the original.
 */
export async function quantizedCopy(path: string, folder: string, type: QuickType): Promise<string> {
  const copy = join(folder, `${basename(path, ".gguf")}.as-${type}.gguf`);
  if (existsSync(copy)) return copy;
  mkdirSync(folder, { recursive: true });
  const file = await ModelFile.open(path);
  try {
    writeFileSync(`${copy}.${process.pid}`, Buffer.concat(await copyParts(file, type)));
    renameSync(`${copy}.${process.pid}`, copy);
    return copy;
  } finally {
    await file.close();
  }
}

async function copyParts(file: ModelFile, type: QuickType): Promise<Uint8Array[]> {
  const tensors = [...readGguf(file).tensors.values()];
  const [first] = tensors;
  if (!first) throw new Error(`${file.path} has no tensors.`);
  const dataStart = Math.min(...tensors.map(({ offset }) => offset));
  const head = Buffer.from(await file.read(0, dataStart, "the header"));
  // Metadata is kept byte for byte; the table of tensors begins with the first one's name.
  const table = head.indexOf(ggufString(first.name));
  const lines: Buffer[] = [];
  const data: Uint8Array[] = [];
  let at = 0;
  for (const tensor of tensors) {
    const bytes = await file.read(tensor.offset, bytesOf(tensor), tensor.name);
    const isLayerMatrix = tensor.shape.length === 2 && tensor.name.startsWith("blk.");
    const written = isLayerMatrix ? quantize(valuesOf(tensor, bytes), type) : bytes;
    lines.push(tableLine(head, table, tensor, isLayerMatrix ? TYPE_NUMBERS[type] : undefined, at));
    data.push(written, padding(written.length));
    at += written.length + padding(written.length).length;
  }
  const start = Buffer.concat([head.subarray(0, table), ...lines]);
  return [start, padding(start.length), ...data];
}

function bytesOf({ file, name, type, shape }: StoredTensor): number {
  return tensorBytes(file.path, name, type, shape);
}

function valuesOf({ type, shape }: StoredTensor, bytes: Uint8Array): Float32Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  dequantize(type, bytes, values);
  return values;
}

/** A tensor's line of the table at its new offset, and with another type where `type` is given. */
function tableLine(
  head: Buffer,
  table: number,
  tensor: StoredTensor,
  type: number | undefined,
  offset: number,
): Buffer {
  const name = ggufString(tensor.name);
  const from = head.indexOf(name, table);
  const length = name.length + 4 + 8 * tensor.shape.length + 4 + 8;
  const line = Buffer.from(head.subarray(from, from + length));
  if (type !== undefined) line.writeUInt32LE(type, length - 12);
  line.writeBigUInt64LE(BigInt(offset), length - 8);
  return line;
}

function ggufString(text: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text)]);
}

function padding(length: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}

/** ggml's reference arithmetic: the value of the largest magnitude gets the end of the range, -8 or 127. */
function quantize(values: Float32Array, type: QuickType): Uint8Array {
  const codeBytes = type === "Q4_0" ? BLOCK / 2 : BLOCK;
  const bytes = Buffer.alloc((values.length / BLOCK) * (2 + codeBytes));
  for (let from = 0, at = 0; from < values.length; from += BLOCK, at += 2 + codeBytes) {
    const block = values.subarray(from, from + BLOCK);
    const extreme = block.reduce((far, value) => (Math.abs(value) > Math.abs(far) ? value : far), 0);
    bytes.writeUInt16LE(float16Bits(extreme / (type === "Q4_0" ? -8 : 127)), at);
    const scale = halfToFloat(bytes.readUInt16LE(at));
    const inverse = scale === 0 ? 0 : 1 / scale;
    if (type === "Q4_0") putNibbles(bytes, at + 2, block, inverse);
    else block.forEach((value, i) => bytes.writeInt8(clamp(Math.round(value * inverse), -127, 127), at + 2 + i));
  }
  return bytes;
}

/** Codes 0 to 15 about 8; value i of a block in the low half of byte i, value i + 16 in its high half. */
function putNibbles(bytes: Buffer, at: number, block: Float32Array, inverse: number): void {
  const code = (i: number) => clamp(Math.round((block[i] ?? 0) * inverse) + 8, 0, 15);
  for (let i = 0; i < BLOCK / 2; i++) bytes[at + i] = code(i) | (code(i + BLOCK / 2) << 4);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
