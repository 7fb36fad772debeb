import { createHash, type Hash } from "node:crypto";
import { mkdir, readFile, realpath, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelFile } from "./model-file.ts";

const CHUNK_BYTES = 8 << 20;

/**
 * Names a checkpoint's weights: sha256 (hex) over its files, headers included, in the order given.
 * @param files the files with weights
 * @param extra what else the weights' meaning depends on (a safetensors folder's config.json)
 * @param cacheDir where results are kept, keyed by real path, size and modification time; not kept when absent
 */
export async function hashWeights(files: readonly ModelFile[], extra: string, cacheDir?: string): Promise<string> {
  if (cacheDir === undefined) return hashFiles(files, extra);
  const cachePath = join(cacheDir, `${await identity(files, extra)}.sha256`);
  const cached = await readFile(cachePath, "utf8").catch(() => "");
  if (/^[0-9a-f]{64}$/.test(cached)) return cached;
  const hash = await hashFiles(files, extra);
  await keep(cacheDir, cachePath, hash);
  return hash;
}

async function hashFiles(files: readonly ModelFile[], extra: string): Promise<string> {
  const hash = createHash("sha256").update(extra);
  for (const file of files) await hashFile(hash, file);
  return hash.digest("hex");
}

async function hashFile(hash: Hash, file: ModelFile): Promise<void> {
  for (let offset = 0; offset < file.size; offset += CHUNK_BYTES) {
    hash.update(await file.read(offset, Math.min(CHUNK_BYTES, file.size - offset), "the file"));
  }
}

async function identity(files: readonly ModelFile[], extra: string): Promise<string> {
  const parts = await Promise.all(files.map(async (file) => [await realpath(file.path), file.size, file.modifiedMs]));
  return createHash("sha256")
    .update(JSON.stringify([parts, extra]))
    .digest("hex");
}

/** A cache that cannot be written only costs time, so failing to is no error. */
async function keep(cacheDir: string, cachePath: string, hash: string): Promise<void> {
  const temporary = `${cachePath}.${process.pid}.tmp`;
  try {
    await mkdir(cacheDir, { recursive: true });
    await writeFile(temporary, hash);
    await rename(temporary, cachePath);
  } catch {
    return;
  }
}
