import type { GgufCursor } from "./gguf-cursor.ts";
import { invalidModel } from "./invalid-model.ts";

/** A metadata value. Integers beyond 2^53 stay `bigint`. */
export type GgufValue = number | bigint | boolean | string | GgufValue[];

/** Files carry some 30 to 60 entries. */
const MAX_ENTRIES = 1 << 16;

/** The format allows keys of 2^16 - 1 bytes. */
const MAX_KEY_BYTES = (1 << 16) - 1;

/** Chat templates take some 20 KB, an embedded tokenizer.json up to 30 MB. */
const MAX_STRING_BYTES = 32 << 20;

/**
 * Elements of all arrays together: a vocabulary of 256k tokens needs 0.3 M each for texts, scores and types and
 * 0.6 M merges. An element may be a byte in the file but takes 8 in memory, so the header's limit alone is not enough.
 */
const MAX_ELEMENTS = 8 << 20;

/** No known key nests arrays at all. */
const MAX_ARRAY_DEPTH = 3;

const ARRAY = 9;
const MIN_ENTRY_BYTES = 8 + 4 + 1; // key length, type, a value of one byte

/** GGUF's numbers of value types, with the fewest bytes that a value of each takes and how it is read. */
const VALUE_READERS: ReadonlyMap<number, { bytes: number; read: (cursor: GgufCursor, field: string) => GgufValue }> =
  new Map([
    [0, { bytes: 1, read: (cursor, field) => cursor.u8(field) }],
    [1, { bytes: 1, read: (cursor, field) => cursor.i8(field) }],
    [2, { bytes: 2, read: (cursor, field) => cursor.u16(field) }],
    [3, { bytes: 2, read: (cursor, field) => cursor.i16(field) }],
    [4, { bytes: 4, read: (cursor, field) => cursor.u32(field) }],
    [5, { bytes: 4, read: (cursor, field) => cursor.i32(field) }],
    [6, { bytes: 4, read: (cursor, field) => cursor.f32(field) }],
    [7, { bytes: 1, read: (cursor, field) => cursor.u8(field) !== 0 }],
    [8, { bytes: 8, read: (cursor, field) => cursor.string(field, MAX_STRING_BYTES) }],
    [10, { bytes: 8, read: (cursor, field) => exact(cursor.u64(field)) }],
    [11, { bytes: 8, read: (cursor, field) => exact(cursor.i64(field)) }],
    [12, { bytes: 8, read: (cursor, field) => cursor.f64(field) }],
  ]);

/** Reads the count of metadata entries and the entries. */
export function readMetadata(cursor: GgufCursor): Map<string, GgufValue> {
  const count = cursor.count("metadata_kv_count", MIN_ENTRY_BYTES, MAX_ENTRIES);
  const reader = new ValueReader(cursor);
  const metadata = new Map<string, GgufValue>();
  for (let entry = 0; entry < count; entry++) {
    const key = cursor.string(`metadata key ${entry}`, MAX_KEY_BYTES);
    if (metadata.has(key)) throw invalidModel(cursor.path, `metadata key ${key}`, "is there twice");
    metadata.set(key, reader.value(key, cursor.u32(`type of ${key}`), 0));
  }
  return metadata;
}

class ValueReader {
  readonly #cursor: GgufCursor;
  #elements = 0;

  constructor(cursor: GgufCursor) {
    this.#cursor = cursor;
  }

  value(field: string, type: number, depth: number): GgufValue {
    if (type === ARRAY) return this.#array(field, depth + 1);
    return this.#scalarReader(field, type).read(this.#cursor, field);
  }

  #array(field: string, depth: number): GgufValue[] {
    const cursor = this.#cursor;
    if (depth > MAX_ARRAY_DEPTH)
      throw invalidModel(cursor.path, field, `nests arrays more than ${MAX_ARRAY_DEPTH} deep`);
    const type = cursor.u32(`element type of ${field}`);
    const elementBytes = type === ARRAY ? 12 : this.#scalarReader(field, type).bytes;
    const length = cursor.count(`length of ${field}`, elementBytes, MAX_ELEMENTS - this.#elements);
    this.#elements += length;
    const values: GgufValue[] = [];
    for (let index = 0; index < length; index++) values.push(this.value(field, type, depth));
    return values;
  }

  #scalarReader(field: string, type: number) {
    const reader = VALUE_READERS.get(type);
    if (reader === undefined)
      throw invalidModel(this.#cursor.path, `type of ${field}`, `is ${type}, which is no known type`);
    return reader;
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
