import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as v from "valibot";

const FOLDER = new URL("../golden/checkpoints/", import.meta.url);

const manifest = v.record(
  v.string(),
  v.object({ folder: v.string(), gguf: v.optional(v.string()), tokens: v.array(v.number()), logits: v.string() }),
);

/** A tiny random checkpoint of test/golden/make_checkpoints.py. */
export interface GoldenCheckpoint {
  architecture: string;
  /** Absolute paths of its forms: the safetensors folder and, for some, a GGUF. */
  paths: string[];
  tokens: number[];
  /** [tokens, vocabulary], as transformers computes them. */
  logits: Float32Array;
}

/** All of them, by the manifest. */
export function goldenCheckpoints(): GoldenCheckpoint[] {
  const entries = v.parse(manifest, JSON.parse(readFileSync(new URL("manifest.json", FOLDER), "utf8")));
  return Object.entries(entries).map(([architecture, entry]) => ({
    architecture,
    paths: [entry.folder, entry.gguf]
      .filter((name) => name !== undefined)
      .map((name) => fileURLToPath(new URL(name, FOLDER))),
    tokens: entry.tokens,
    logits: new Float32Array(new Uint8Array(readFileSync(new URL(entry.logits, FOLDER))).buffer),
  }));
}

/** Absolute path of a file or folder of the golden checkpoints. */
export function goldenPath(name: string): string {
  return fileURLToPath(new URL(name, FOLDER));
}
