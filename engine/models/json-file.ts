import { isRecord } from "./fields.ts";
import { invalidModel } from "./invalid-model.ts";
import { ModelFile } from "./model-file.ts";

/** The largest tokenizer.json of a supported family (Mistral's) has some 17 MB; everything parsed is kept in memory. */
const MAX_FILE_BYTES = 32 << 20;

/** JSON's own recursion is not bounded by its length, so bytes are looked at before they are parsed. */
const MAX_DEPTH = 64;

/**
 * The JSON object in a file of a checkpoint.
 * @throws RepoMemoryError "model-not-found" when the file cannot be opened, "model-invalid" when it is no JSON object
 */
export async function readJsonFile(path: string): Promise<Record<string, unknown>> {
  return parseJsonObject(path, "the file", await readSmallFile(path));
}

/** A small text file of a checkpoint. */
export async function readTextFile(path: string): Promise<string> {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await readSmallFile(path));
}

async function readSmallFile(path: string): Promise<Uint8Array> {
  const file = await ModelFile.open(path);
  try {
    if (file.size <= MAX_FILE_BYTES) return await file.read(0, file.size, "the file");
    throw invalidModel(path, "the file", `has ${file.size} bytes, more than ${MAX_FILE_BYTES}`);
  } finally {
    await file.close();
  }
}

/** Parses bytes that must hold a JSON object; `field` names them in errors. */
export function parseJsonObject(path: string, field: string, bytes: Uint8Array): Record<string, unknown> {
  if (nestsDeeperThan(bytes, MAX_DEPTH)) throw invalidModel(path, field, `nests more than ${MAX_DEPTH} levels deep`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidModel(path, field, "is not JSON", cause);
  }
  if (!isRecord(value)) throw invalidModel(path, field, "is not a JSON object");
  return value;
}

function nestsDeeperThan(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    if (depth > limit) return true;
  }
  return false;
}
