/** Reads back the constants of a model that `onnx-writer.ts` wrote. It knows protobuf's wire format, not what the tensors are. */
import { RepoMemoryError } from "../protocol/errors.ts";
import type { ExternalData } from "./onnx-writer.ts";

/** A constant of a graph: its sizes, and its bytes or where they lie. */
export interface StoredConstant {
  /** Number in onnx.proto3's `TensorProto.DataType`. */
  type: number;
  dimensions: number[];
  data: Uint8Array | ExternalData;
}

/** One field of a message: a number (wire types 0 and 5), or bytes (wire type 2). */
interface Field {
  number: number;
  value: number;
  bytes: Uint8Array;
}

/** More bytes than a 64-bit varint has. */
const MAX_VARINT = 10;

/** All initializers of a model's graph by name. @throws RepoMemoryError "model-invalid" for bytes that are no model */
export function readConstants(model: Uint8Array): Map<string, StoredConstant> {
  const constants = new Map<string, StoredConstant>();
  for (const graph of fields(model)) {
    if (graph.number !== 7) continue;
    for (const field of fields(graph.bytes)) {
      if (field.number !== 5) continue;
      const [name, constant] = readTensor(field.bytes);
      constants.set(name, constant);
    }
  }
  return constants;
}

function readTensor(bytes: Uint8Array): [string, StoredConstant] {
  const dimensions: number[] = [];
  const external = new Map<string, string>();
  let [type, name, data] = [0, "", new Uint8Array(0)];
  for (const field of fields(bytes)) {
    if (field.number === 1) dimensions.push(field.value);
    else if (field.number === 2) type = field.value;
    else if (field.number === 8) name = text(field.bytes);
    else if (field.number === 9) data = Uint8Array.from(field.bytes);
    else if (field.number === 13) external.set(...readEntry(field.bytes));
  }
  const location = external.get("location");
  if (location === undefined) return [name, { type, dimensions, data }];
  const [offset, length] = [Number(external.get("offset")), Number(external.get("length"))];
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) throw damaged();
  return [name, { type, dimensions, data: { location, offset, length } }];
}

function readEntry(bytes: Uint8Array): [string, string] {
  let [key, value] = ["", ""];
  for (const field of fields(bytes)) {
    if (field.number === 1) key = text(field.bytes);
    else if (field.number === 2) value = text(field.bytes);
  }
  return [key, value];
}

function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let i = 0; i < MAX_VARINT; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw damaged();
      // Beyond 2 ** 53 a double is inexact: such numbers are lengths of nothing that fits a file.
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw damaged();
  };
  const take = (length: number) => {
    if (length > bytes.length - at) throw damaged();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) yield { number, value: varint(), bytes: bytes.subarray(0, 0) };
    else if (wire === 2) yield { number, value: 0, bytes: take(varint()) };
    else if (wire === 5) yield { number, value: 0, bytes: take(4) };
    else throw damaged();
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function damaged(): RepoMemoryError {
  return new RepoMemoryError("model-invalid", {
    message: "A graph of the converted model cannot be read.",
    meaning: "The converted model is damaged.",
    remedy: "Delete the converted model's folder to have it made again.",
  });
}
