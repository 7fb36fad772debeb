import { invalidModel } from "./invalid-model.ts";
import type { ModelFile } from "./model-file.ts";

/** Bytes fetched at a time while a header is read. */
const WINDOW_BYTES = 1 << 20;

/**
 * A header may be this long. The longest known (256k tokens with merges) take some 16 MB; everything in a
 * header is kept in memory, so this bounds what a file can make us hold.
 */
const MAX_HEADER_BYTES = 64 << 20;

/** Reads a GGUF header front to back: little-endian numbers and length-prefixed strings, each named for errors. */
export class GgufCursor {
  readonly path: string;
  readonly #file: ModelFile;
  /** Bytes [windowStart, windowStart + window.length) of the file. */
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #offset = 0;

  constructor(file: ModelFile) {
    this.#file = file;
    this.path = file.path;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Bytes that a header could still have. */
  get remaining(): number {
    return Math.min(this.#file.size, MAX_HEADER_BYTES) - this.#offset;
  }

  u8(field: string): number {
    const at = this.#take(1, field);
    return this.#window.readUInt8(at);
  }

  i8(field: string): number {
    const at = this.#take(1, field);
    return this.#window.readInt8(at);
  }

  u16(field: string): number {
    const at = this.#take(2, field);
    return this.#window.readUInt16LE(at);
  }

  i16(field: string): number {
    const at = this.#take(2, field);
    return this.#window.readInt16LE(at);
  }

  u32(field: string): number {
    const at = this.#take(4, field);
    return this.#window.readUInt32LE(at);
  }

  i32(field: string): number {
    const at = this.#take(4, field);
    return this.#window.readInt32LE(at);
  }

  f32(field: string): number {
    const at = this.#take(4, field);
    return this.#window.readFloatLE(at);
  }

  f64(field: string): number {
    const at = this.#take(8, field);
    return this.#window.readDoubleLE(at);
  }

  u64(field: string): bigint {
    const at = this.#take(8, field);
    return this.#window.readBigUInt64LE(at);
  }

  i64(field: string): bigint {
    const at = this.#take(8, field);
    return this.#window.readBigInt64LE(at);
  }

  /** A 64-bit count of things that each take at least `minimumBytes` of what is left of the header. */
  count(field: string, minimumBytes: number, limit: number): number {
    const count = this.u64(field);
    if (count <= limit && Number(count) * minimumBytes <= this.remaining) return Number(count);
    const reason = count > limit ? `more than the ${limit} allowed` : `more than the rest of the file can hold`;
    throw invalidModel(this.path, field, `is ${count}, ${reason}`);
  }

  /** A string of at most `limit` bytes. Token texts may hold broken UTF-8, so it is replaced rather than refused. */
  string(field: string, limit: number): string {
    const length = this.count(`length of ${field}`, 1, limit);
    const at = this.#take(length, field);
    return this.#window.toString("utf8", at, at + length);
  }

  /** Makes the next `length` bytes present and steps over them; returns where they start in the window. */
  #take(length: number, field: string): number {
    const start = this.#offset;
    if (start + length > this.#windowStart + this.#window.length) this.#fetch(length, field);
    this.#offset = start + length;
    return start - this.#windowStart;
  }

  #fetch(length: number, field: string): void {
    if (length > this.remaining) {
      const end = this.#file.size > MAX_HEADER_BYTES ? "of the largest header allowed" : "of the file";
      throw invalidModel(this.path, field, `lies behind the end ${end} (a download that broke off?)`);
    }
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.#file.size - this.#offset);
    this.#window = this.#file.readNow(this.#offset, wanted, field);
    this.#windowStart = this.#offset;
  }
}
