import { createHash } from "node:crypto";
import { cp, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenPath } from "./golden-checkpoints.ts";
import { temporaryFolder } from "./model-files.ts";

/** The hash that opening `path` afresh gives. */
async function hashOf(path: string, hashCacheDir?: string): Promise<string> {
  const model = await openModel(path, hashCacheDir === undefined ? {} : { hashCacheDir });
  const hash = await model.hash();
  await model.close();
  return hash;
}

/** A copy of a golden GGUF that a test may change, and an empty folder for hashes. */
async function copyWithCache(): Promise<{ path: string; cache: string }> {
  const folder = await temporaryFolder();
  const path = join(folder, "model.gguf");
  await cp(goldenPath("llama.gguf"), path);
  return { path, cache: join(folder, "hashes") };
}

test("a GGUF's hash is its file's", async () => {
  const sha256 = createHash("sha256")
    .update(await readFile(goldenPath("llama.gguf")))
    .digest("hex");
  expect(await hashOf(goldenPath("llama.gguf"))).toBe(sha256);
});

test("the config is part of a folder's hash", async () => {
  const folder = await temporaryFolder();
  await cp(goldenPath("llama"), folder, { recursive: true });
  const before = await hashOf(folder);
  expect(before).toBe(await hashOf(goldenPath("llama")));
  const config = await readFile(join(folder, "config.json"), "utf8");
  await writeFile(join(folder, "config.json"), config.replace('"rms_norm_eps": 1e-05', '"rms_norm_eps": 1e-06'));
  expect(await hashOf(folder)).not.toBe(before);
});

test("a kept hash is used while size and time stay, and made anew when they change", async () => {
  const { path, cache } = await copyWithCache();
  const time = new Date(1_700_000_000_000);
  await utimes(path, time, time);
  const first = await hashOf(path, cache);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  await writeFile(path, bytes);
  await utimes(path, time, time);
  expect(await hashOf(path, cache), "same size and time").toBe(first);
  await utimes(path, time, new Date(1_700_000_001_000));
  expect(await hashOf(path, cache), "another time").not.toBe(first);
});

test("a folder for hashes that cannot be made is no error", async () => {
  const { path } = await copyWithCache();
  expect(await hashOf(path, join(path, "not-a-folder"))).toMatch(/^[0-9a-f]{64}$/);
});
