import { isRecord } from "./fields.ts";
import { invalidModel, unsupportedModel } from "./invalid-model.ts";
import { parseJsonObject } from "./json-file.ts";
import type { ModelFile } from "./model-file.ts";
import { tensorBytes, type StoredTensor } from "./stored-tensor.ts";
import type { TensorType } from "./tensor-types.ts";

/** The reference implementation allows 100 MB; a thousand tensors take some 100 KB, and parsed JSON takes ten times its text. */
const MAX_HEADER_BYTES = 8 << 20;

/** Names like "model.layers.10.self_attn.q_proj.weight" have some 40 characters. */
const MAX_NAME_LENGTH = 512;

const MAX_DIMENSIONS = 8;

const CHECKPOINT_TYPES: ReadonlyMap<string, TensorType> = new Map<string, TensorType>([
  ["F32", "F32"],
  ["F16", "F16"],
  ["BF16", "BF16"],
]);

/** Weights of this project's own: int8 has its scales beside it, which a checkpoint's would not. */
export const WEIGHT_TYPES: ReadonlyMap<string, TensorType> = new Map<string, TensorType>([
  ["F32", "F32"],
  ["I8", "I8"],
]);

/**
 * Reads the header of a safetensors file: 8 bytes of length, JSON of `name -> {dtype, shape, data_offsets}`, then data.
 * @throws RepoMemoryError "model-invalid" naming the field that is wrong, "model-unsupported" for types that are not in `types`
 */
export async function readSafetensors(file: ModelFile, types = CHECKPOINT_TYPES): Promise<StoredTensor[]> {
  const prefix = await file.read(0, 8, "the header's length");
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES)
    throw invalidModel(file.path, "the header's length", `is ${length}, more than ${MAX_HEADER_BYTES}`);
  const dataStart = 8 + Number(length);
  const header = parseJsonObject(file.path, "the header", await file.read(8, Number(length), "the header"));
  return Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => readEntry(file, dataStart, types, name, entry));
}

function readEntry(
  file: ModelFile,
  dataStart: number,
  types: ReadonlyMap<string, TensorType>,
  name: string,
  entry: unknown,
): StoredTensor {
  if (name.length > MAX_NAME_LENGTH) throw invalidModel(file.path, "a tensor's name", `has ${name.length} characters`);
  const field = `tensor ${name}`;
  if (!isRecord(entry)) throw invalidModel(file.path, field, "is not described by an object");
  const type = types.get(String(entry["dtype"]));
  if (type === undefined)
    throw unsupportedModel(file.path, `tensor type ${String(entry["dtype"]).slice(0, 40)} (of ${name})`);
  const shape = readSizes(entry["shape"]);
  if (shape === undefined || shape.length > MAX_DIMENSIONS)
    throw invalidModel(file.path, `shape of ${field}`, "is no list of sizes");
  const offsets = readSizes(entry["data_offsets"]);
  const [begin, end] = offsets ?? [];
  if (begin === undefined || end === undefined || offsets?.length !== 2) {
    throw invalidModel(file.path, `data_offsets of ${field}`, "are not two offsets");
  }
  const bytes = tensorBytes(file.path, name, type, shape);
  if (end - begin !== bytes)
    throw invalidModel(
      file.path,
      `data_offsets of ${field}`,
      `span ${end - begin} bytes, where its shape needs ${bytes}`,
    );
  if (dataStart + end > file.size) {
    throw invalidModel(
      file.path,
      `data_offsets of ${field}`,
      `end at ${dataStart + end}, but the file at ${file.size} (a download that broke off?)`,
    );
  }
  return { file, name, type, shape, offset: dataStart + begin };
}

function readSizes(value: unknown): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const sizes: number[] = [];
  for (const size of value as readonly unknown[]) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
    sizes.push(size);
  }
  return sizes;
}
