import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cp } from "node:fs/promises";
import { expect, test } from "vitest";
import { goldenPath } from "./golden-checkpoints.ts";
import { outcome, temporaryFile, temporaryFolder } from "./model-files.ts";
import { tinyLlama, writeGguf } from "./gguf-writer.ts";

const MUTATIONS = 3000;

/** A seeded generator of integers below a limit (mulberry32), so that a failure can be had again. */
function seeded(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** What a 64-bit count or offset is tried with besides random bytes. */
const NASTY = [0n, 1n, 0xffn, 0xffffn, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 60n, 2n ** 63n, 2n ** 64n - 1n];

/** One to four changes within the first `reach` bytes: a byte, a nasty number, a stretch copied elsewhere, or an early end. */
function mutate(original: Buffer, reach: number, random: (limit: number) => number): Buffer {
  const bytes = Buffer.from(original);
  for (let change = random(4); change >= 0; change--) {
    const at = random(reach);
    const kind = random(8);
    if (kind < 4) bytes[at] = random(256);
    else if (kind < 6 && at + 8 <= bytes.length) bytes.writeBigUInt64LE(NASTY[random(NASTY.length)] ?? 0n, at);
    else if (kind === 6) bytes.copyWithin(at, random(reach), random(reach));
    else return bytes.subarray(0, at);
  }
  return bytes;
}

const EXPECTED = /^(opened$|model-invalid: |model-unsupported: )/;

test("a mutated GGUF opens or is refused, never more", async () => {
  const original = writeGguf(tinyLlama());
  const header = original.length - tinyLlama().dataBytes;
  const random = seeded(1);
  const path = await temporaryFile(original);
  const counts = new Map<string, number>();
  for (let run = 0; run < MUTATIONS; run++) {
    await writeFile(path, mutate(original, header, random));
    const said = await outcome(path);
    expect(said, `mutation ${run}`).toMatch(EXPECTED);
    const kind = said.slice(0, 13);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  // The mutations reach behind the first check and leave some files sound.
  expect([...counts.keys()].sort()).toEqual(["model-invalid", "model-unsuppo", "opened"]);
});

test("a mutated safetensors file opens or is refused, never more", async () => {
  const folder = await temporaryFolder();
  await cp(goldenPath("qwen2"), folder, { recursive: true });
  const path = join(folder, "model.safetensors");
  const original = await readFile(path);
  const header = 8 + Number(original.readBigUInt64LE(0));
  const random = seeded(2);
  for (let run = 0; run < MUTATIONS / 3; run++) {
    await writeFile(path, mutate(original, header, random));
    expect(await outcome(folder), `mutation ${run}`).toMatch(EXPECTED);
  }
});

test("mutated JSON files open or are refused, never more", async () => {
  const folder = await temporaryFolder();
  await cp(goldenPath("qwen2"), folder, { recursive: true });
  const random = seeded(3);
  for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"]) {
    const path = join(folder, name);
    const original = await readFile(path);
    for (let run = 0; run < MUTATIONS / 10; run++) {
      await writeFile(path, mutate(original, original.length, random));
      expect(await outcome(folder), `${name}, mutation ${run}`).toMatch(EXPECTED);
    }
    await writeFile(path, original);
  }
});
