import { invalidModel } from "./invalid-model.ts";

/** What an integer may be; both ends inclusive. */
export interface IntegerRange {
  min: number;
  max: number;
}

/** Reads named values (GGUF metadata, a parsed JSON object) and checks them; errors name the file and the field. */
export class Fields {
  readonly path: string;
  readonly #get: (key: string) => unknown;

  constructor(path: string, get: (key: string) => unknown) {
    this.path = path;
    this.#get = get;
  }

  /** JSON writes `null` for what is not set; both count as absent. */
  has(key: string): boolean {
    return (this.#get(key) ?? undefined) !== undefined;
  }

  integer(key: string, range: IntegerRange, fallback?: number): number {
    const value = this.#get(key) ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= range.min && value <= range.max) return value;
    throw this.#wrong(key, value, `an integer from ${range.min} to ${range.max}`);
  }

  /** A finite number above 0. */
  positive(key: string, fallback?: number): number {
    const value = this.#get(key) ?? fallback;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw this.#wrong(key, value, "a number above 0");
  }

  string(key: string, fallback?: string): string {
    const value = this.#get(key) ?? fallback;
    if (typeof value === "string") return value;
    throw this.#wrong(key, value, "a text");
  }

  boolean(key: string, fallback?: boolean): boolean {
    const value = this.#get(key) ?? fallback;
    if (typeof value === "boolean") return value;
    throw this.#wrong(key, value, "true or false");
  }

  /** A list of texts. */
  strings(key: string): string[] {
    const value = this.#get(key);
    if (isListOf(value, isString)) return value;
    throw this.#wrong(key, value, "a list of texts");
  }

  /** A list of numbers. */
  numbers(key: string): number[] {
    const value = this.#get(key);
    if (isListOf(value, isNumber)) return value;
    throw this.#wrong(key, value, "a list of numbers");
  }

  /** The values of an object of texts. */
  texts(key: string): string[] {
    const value = this.#get(key);
    const texts = isRecord(value) ? Object.values(value) : undefined;
    if (isListOf(texts, isString)) return texts;
    throw this.#wrong(key, value, "an object of texts");
  }

  /** A nested JSON object. */
  object(key: string): Fields {
    const value = this.#get(key);
    if (!isRecord(value)) throw this.#wrong(key, value, "an object");
    return fieldsOf(this.path, value);
  }

  #wrong(key: string, value: unknown, expected: string): Error {
    if (value === undefined || value === null) return invalidModel(this.path, key, `is missing; expected ${expected}`);
    return invalidModel(this.path, key, `is ${shown(value)}, not ${expected}`);
  }
}

/** A value as an error shows it: short, whatever it is. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return value.toString();
  return Array.isArray(value) ? "a list" : "an object";
}

/** The fields of a parsed JSON object; only its own properties count. */
export function fieldsOf(path: string, record: Readonly<Record<string, unknown>>): Fields {
  return new Fields(path, (key) => (Object.hasOwn(record, key) ? record[key] : undefined));
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

/** Whether `value` is a JSON object (not an array, not null). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
