/**
 * How well is held-out code predicted? Files' first 768 tokens are read as memory blocks, as plain text, or not at all; then the
 * next 128 tokens of the file are scored: bits a token, over files of the haystack. `--limit N` takes N files.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WindowFiller } from "../../engine/answer/fill-window.ts";
import { LookUp } from "../../engine/answer/look-up.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import type { LoadedModel } from "../../engine/loaded-model.ts";
import type { PlacedBlock } from "../../engine/store/block-reader.ts";
import { Store } from "../../engine/store/store.ts";
import { realFolder } from "../../engine/store/store-path.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { largeFolder, type SourceFile, writeFolder } from "../support/large-folder.ts";
import { haystackTokens } from "./haystack.ts";
import { type Estimate, mean } from "./intervals.ts";
import { openEval } from "./open-eval.ts";

const FILES = 40;
const MEMORY_TOKENS = 768;
const HELD_OUT_TOKENS = 128;

/** Bits a token, mean over files. */
interface PerplexityResult {
  memory: Estimate;
  text: Estimate;
  nothing: Estimate;
  /** File by file: what blocks cost against text, and what they bring against nothing. */
  memoryLessText: Estimate;
  nothingLessMemory: Estimate;
  tokensAFile: { memory: number; heldOut: number };
}

/** A file's beginning, which is known, and what follows. */
interface SplitFile {
  path: string;
  known: string;
  heldOut: Int32Array;
}

interface Bits {
  memory: number;
  text: number;
  nothing: number;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<PerplexityResult> {
  const { dataDir, limit = FILES, tell } = options;
  const session = await openEval(options);
  const { encoder } = session.loaded;
  const { files } = await largeFolder(dataDir, haystackTokens(200_000), (text) => encoder.tokenize(text).length);
  const split = files.flatMap((file) => splitFile(file, (text) => encoder.tokenize(text))).slice(0, limit);
  try {
    const bits = await measureFiles(session.loaded, dataDir, options.threads, split, tell);
    return {
      memory: mean(bits.map(({ memory }) => memory)),
      text: mean(bits.map(({ text }) => text)),
      nothing: mean(bits.map(({ nothing }) => nothing)),
      memoryLessText: mean(bits.map(({ memory, text }) => memory - text)),
      nothingLessMemory: mean(bits.map(({ nothing, memory }) => nothing - memory)),
      tokensAFile: { memory: MEMORY_TOKENS, heldOut: HELD_OUT_TOKENS },
    };
  } finally {
    await session.close();
  }
}

/** Whole lines of at most `MEMORY_TOKENS` tokens, and the tokens after them; none of a file that is too short. */
export function splitFile({ path, text }: SourceFile, tokenize: (text: string) => Int32Array): SplitFile[] {
  const lines = text.split(/(?<=\n)/);
  let [known, count] = ["", 0];
  while (lines.length > 0) {
    count += tokenize(lines[0] ?? "").length;
    if (count > MEMORY_TOKENS) break;
    known += lines.shift() ?? "";
  }
  const heldOut = tokenize(lines.join("")).subarray(0, HELD_OUT_TOKENS);
  return heldOut.length === HELD_OUT_TOKENS ? [{ path, known, heldOut }] : [];
}

async function measureFiles(
  { model, encoder }: LoadedModel,
  dataDir: string,
  threads: number,
  files: readonly SplitFile[],
  tell: (text: string) => void,
): Promise<Bits[]> {
  const known = files.map(({ path, known: text }) => ({ path, text, tokens: 0 }));
  const { folder } = writeFolder(join(dataDir, "eval", "folders"), "perplexity", known);
  const data = mkdtempSync(join(tmpdir(), "repo-memory-eval-"));
  const store = new Store(join(data, "store.sqlite"), tell);
  const lookUp = await LookUp.open(store, encoder, threads);
  const { signal } = new AbortController();
  try {
    const ingestor = new Ingestor({ folder: realFolder(folder), store, encoder });
    await ingestor.ingest({ signal, onProgress: () => undefined });
    await ingestor.close();
    const filler = new WindowFiller(store, model, encoder, lookUp, tell);
    const byPath = Map.groupBy(lookUp.blocks(), ({ path }) => path);
    const bits: Bits[] = [];
    for (const file of files) {
      bits.push(await measureFile({ model, encoder }, filler, byPath.get(file.path) ?? [], file));
      tell(JSON.stringify({ path: file.path, ...bits.at(-1) }));
    }
    return bits;
  } finally {
    await lookUp.close();
    store.close();
    rmSync(data, { recursive: true, force: true });
  }
}

async function measureFile(
  { model, encoder }: Pick<LoadedModel, "model" | "encoder">,
  filler: WindowFiller,
  blocks: readonly PlacedBlock[],
  { path, known, heldOut }: SplitFile,
): Promise<Bits> {
  const header = encoder.header(path);
  const reading = async (tokens: Int32Array) => {
    const window = encoder.prefix.copy(encoder.prefix.length + tokens.length + HELD_OUT_TOKENS);
    await model.read(window, tokens, window.length);
    return bitsAToken(model, window, heldOut);
  };
  return {
    memory: await bitsAToken(model, filler.place(blocks).window, heldOut),
    text: await reading(Int32Array.from([...header, ...encoder.tokenize(known)])),
    nothing: await reading(header),
  };
}

/** Mean of -log2 p over all tokens but the first, each given those before it. */
async function bitsAToken(model: LoadedModel["model"], window: AttentionWindow, tokens: Int32Array): Promise<number> {
  const positions = Int32Array.from(tokens, (_, i) => window.length + i);
  const { hidden } = await model.run(window, tokens, positions, { hidden: true });
  const { vocabulary } = model.config;
  const logits = await model.logits(hidden);
  const bits = Array.from(tokens.subarray(1), (token, i) => {
    const row = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
    return surprisal(row, token);
  });
  return bits.reduce((sum, each) => sum + each, 0) / bits.length;
}

/** -log2 of the softmax's share of one token. */
export function surprisal(logits: Float32Array, token: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return (most + Math.log(sum) - (logits[token] ?? -Infinity)) / Math.LN2;
}
