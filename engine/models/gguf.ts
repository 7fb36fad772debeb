import { Fields } from "./fields.ts";
import { GgufCursor } from "./gguf-cursor.ts";
import { readMetadata, type GgufValue } from "./gguf-metadata.ts";
import { invalidModel, unsupportedModel } from "./invalid-model.ts";
import type { ModelFile } from "./model-file.ts";
import { checkInsideFile, type StoredTensor } from "./stored-tensor.ts";
import { GGUF_TYPES, UNSUPPORTED_GGUF_TYPES, type TensorType } from "./tensor-types.ts";

// Why not @huggingface/gguf (0.4.6), which parses the same header: of a local file it pads what it has read with
// zeros up to the next 2 MB, so a truncated header parses as zeros instead of failing; it leaves offsets, types and
// sizes of tensors unchecked; most of its errors do not name the field; and it holds up to 50 MB of raw header.

const MAGIC = 0x46554747; // "GGUF", little-endian
const MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8; // name length, dimension count, one dimension, type, offset

/** The largest dense models have some 1,500 tensors. */
const MAX_TENSORS = 1 << 16;

/** GGML_MAX_NAME is 64; some writers are more generous. */
const MAX_TENSOR_NAME_BYTES = 256;

/** GGML_MAX_DIMS. */
const MAX_DIMENSIONS = 4;

/** Page sizes go up to 64 KiB; nothing aligns to more than a megabyte. */
const MAX_ALIGNMENT = 1 << 20;

/** The header of a GGUF file; weights stay where they are. */
export interface GgufHeader {
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: ReadonlyMap<string, StoredTensor>;
}

/**
 * Reads the header of a GGUF file, version 2 or 3 (ggml's docs/gguf.md), in memory bounded by its limits.
 * @throws RepoMemoryError "model-invalid" naming the field that is wrong; "model-unsupported" for other versions, big-endian
 *   files, split files and tensor types that are not supported
 */
export function readGguf(file: ModelFile): GgufHeader {
  const cursor = new GgufCursor(file);
  checkVersion(cursor);
  const tensorCount = cursor.count("tensor_count", MIN_TENSOR_BYTES, MAX_TENSORS);
  const metadata = readMetadata(cursor);
  const splits = metadata.get("split.count");
  if (typeof splits === "number" && splits > 1) throw unsupportedModel(file.path, `a GGUF split into ${splits} files`);
  const entries = Array.from({ length: tensorCount }, () => readTensorEntry(cursor));
  const dataStart = alignUp(cursor.offset, readAlignment(file.path, metadata));
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries) {
    if (tensors.has(entry.name)) throw invalidModel(file.path, `tensor ${entry.name}`, "is there twice");
    const tensor = { ...entry, file, offset: dataStart + entry.offset };
    checkInsideFile(tensor);
    tensors.set(entry.name, tensor);
  }
  return { metadata, tensors };
}

function checkVersion(cursor: GgufCursor): void {
  if (cursor.u32("magic") !== MAGIC) throw invalidModel(cursor.path, "magic", 'is not "GGUF"');
  const version = cursor.u32("version");
  if (version === 2 || version === 3) return;
  // A big-endian file's version has its bytes in the other order.
  if (version === 0x02000000 || version === 0x03000000) throw unsupportedModel(cursor.path, "a big-endian GGUF");
  if (version === 1) throw unsupportedModel(cursor.path, "GGUF version 1");
  throw invalidModel(cursor.path, "version", `is ${version}; known are 2 and 3`);
}

type TensorEntry = Pick<StoredTensor, "name" | "type" | "shape" | "offset">;

/** One line of the tensor table; `offset` is still relative to the start of the data. */
function readTensorEntry(cursor: GgufCursor): TensorEntry {
  const name = cursor.string("a tensor's name", MAX_TENSOR_NAME_BYTES);
  const dimensions = cursor.u32(`n_dims of tensor ${name}`);
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw invalidModel(cursor.path, `n_dims of tensor ${name}`, `is ${dimensions}, not 1 to ${MAX_DIMENSIONS}`);
  }
  const sizes = Array.from({ length: dimensions }, () => readSize(cursor, `a dimension of tensor ${name}`, 1));
  const type = readType(cursor, name);
  const offset = readSize(cursor, `offset of tensor ${name}`, 0);
  // GGUF lists the contiguous dimension first.
  return { name, type, shape: sizes.reverse(), offset };
}

function readSize(cursor: GgufCursor, field: string, minimum: number): number {
  const size = cursor.u64(field);
  if (size >= minimum && size <= Number.MAX_SAFE_INTEGER) return Number(size);
  throw invalidModel(cursor.path, field, `is ${size}, outside ${minimum} to 2^53`);
}

function readType(cursor: GgufCursor, name: string): TensorType {
  const id = cursor.u32(`type of tensor ${name}`);
  const type = GGUF_TYPES.get(id);
  if (type !== undefined) return type;
  const known = UNSUPPORTED_GGUF_TYPES.get(id);
  if (known !== undefined) throw unsupportedModel(cursor.path, `tensor type ${known} (of ${name})`);
  throw invalidModel(cursor.path, `type of tensor ${name}`, `is ${id}, which is no known type`);
}

function readAlignment(path: string, metadata: ReadonlyMap<string, GgufValue>): number {
  const fields = new Fields(path, (key) => metadata.get(key));
  const alignment = fields.integer("general.alignment", { min: 1, max: MAX_ALIGNMENT }, 32);
  if (Number.isInteger(Math.log2(alignment))) return alignment;
  throw invalidModel(path, "general.alignment", `is ${alignment}, no power of two`);
}

function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
