/**
 * The proof that blocks, positions and window are right: with one file, and every block of it selected, the block path must
 * predict what plain attention over the same text predicts. With more files it cannot: plain attention sees from one file
 * into another, and blocks do not.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WindowFiller } from "../../engine/answer/fill-window.ts";
import { LookUp } from "../../engine/answer/look-up.ts";
import { type CodecName, DEFAULT_CODEC } from "../../engine/blocks/block-codec.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { argmax } from "../../engine/inference/logits.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import { type LoadedModel, loadModel } from "../../engine/loaded-model.ts";
import { Store } from "../../engine/store/store.ts";
import { realFolder } from "../../engine/store/store-path.ts";
import type { PlacedBlock } from "../../engine/store/block-reader.ts";
import type { BenchOptions } from "./benchmark.ts";
import { LogitsComparison } from "./logits-comparison.ts";

/** Sources that every clone has after installing. */
const FILES = ["mocha/lib/suite.js", "preact/src/component.js", "mocha/lib/test.js", "mocha/lib/context.js"];
/** One segment each, with its header: nothing of it is cut off from the rest. */
const FILE_TOKENS = 450;
const QUESTIONS = ["What does this file define?", "Which function is called first?", "How is an error reported?"];
/** Tokens of the plain path's own answer that both paths are given. */
const ANSWER_TOKENS = 32;

interface Agreement {
  /** Mean over the tokens of question and answer, in nats, of the block path to the plain path. */
  kl: number;
  sameTopToken: number;
  /** Tokens of the text in memory. */
  tokens: number;
}

interface MemoryResult extends Agreement {
  twoFiles: Agreement;
  fourFiles: Agreement;
  /** One file, by how blocks are stored; `kl` and `sameTopToken` of the result itself are those of the default. */
  codecs: Record<CodecName, Agreement>;
}

/** See the module. */
export async function run({ dataDir, modelPath, threads, tell }: BenchOptions): Promise<MemoryResult> {
  const context = { signal: new AbortController().signal, onProgress: () => {} };
  const loaded = await loadModel({ dataDir, model: modelPath }, threads, context);
  const measure = async (files: number, codec: CodecName) => {
    const agreement = await withMemory(loaded, FILES.slice(0, files), codec, threads, (memory) =>
      compare(loaded, memory),
    );
    tell(`${files} files, ${codec}: KL ${agreement.kl}`);
    return agreement;
  };
  try {
    const codecs = {
      int8: await measure(1, "int8"),
      int4: await measure(1, "int4"),
      int4k5: await measure(1, "int4k5"),
      f16: await measure(1, "f16"),
    };
    const [twoFiles, fourFiles] = [await measure(2, DEFAULT_CODEC), await measure(4, DEFAULT_CODEC)];
    return { ...codecs[DEFAULT_CODEC], twoFiles, fourFiles, codecs };
  } finally {
    await loaded.model.close();
  }
}

/** All that is in a store, and what puts it into windows. */
interface Memory {
  filler: WindowFiller;
  blocks: PlacedBlock[];
}

/** Ingests the beginnings of `files` into a store of its own. */
async function withMemory<T>(
  { model, encoder }: LoadedModel,
  files: readonly string[],
  codec: CodecName,
  threads: number,
  use: (memory: Memory) => Promise<T>,
): Promise<T> {
  const folder = realFolder(mkdtempSync(join(tmpdir(), "repo-memory-bench-")));
  const data = mkdtempSync(join(tmpdir(), "repo-memory-bench-"));
  const store = new Store(join(data, "store.sqlite"), () => undefined);
  try {
    for (const [i, file] of files.entries()) writeFileSync(join(folder, `${i}.js`), beginning(file, encoder));
    const ingestor = new Ingestor({ folder, store, encoder, codec });
    await ingestor.ingest({ signal: new AbortController().signal, onProgress: () => {} });
    const lookUp = await LookUp.open(store, encoder, threads);
    const result = await use({
      filler: new WindowFiller(store, model, encoder, lookUp, () => undefined),
      blocks: lookUp.blocks(),
    });
    await lookUp.close();
    return result;
  } finally {
    store.close();
    for (const made of [folder, data]) rmSync(made, { recursive: true, force: true });
  }
}

/** The first whole lines of a file, at most `FILE_TOKENS` tokens. */
function beginning(file: string, encoder: LoadedModel["encoder"]): string {
  const path = fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url));
  const lines = readFileSync(path, "utf8").split(/(?<=\n)/);
  let count = 0;
  while (count < lines.length && encoder.tokenize(lines.slice(0, count + 1).join("")).length <= FILE_TOKENS) count++;
  return lines.slice(0, count).join("");
}

async function compare({ model, encoder, prompt }: LoadedModel, { filler, blocks }: Memory): Promise<Agreement> {
  const comparison = new LogitsComparison(model.config.vocabulary);
  for (const question of QUESTIONS) {
    const plain = encoder.prefix.copy(encoder.prefix.length);
    await filler.readPlain(blocks, plain, new AbortController().signal);
    // The best block's file is placed last: given backwards, files keep their order.
    const { window } = filler.place(blocks.toReversed());
    if (window.length !== plain.length) throw new Error(`The windows hold ${plain.length} and ${window.length} tokens`);
    await continueBoth(model, plain, window, prompt.suffix({ question }, true), comparison);
  }
  const tokens = blocks.reduce((sum, block) => sum + block.tokens, 0);
  return { kl: comparison.kl, sameTopToken: comparison.sameTopToken, tokens };
}

/** Reads the question into both windows and then what the plain path answers to it. */
async function continueBoth(
  model: LanguageModel,
  plain: AttentionWindow,
  memory: AttentionWindow,
  question: Int32Array,
  comparison: LogitsComparison,
): Promise<void> {
  const asked = await readAll(model, plain, question);
  comparison.add(asked, await readAll(model, memory, question));
  let logits = asked.subarray(-model.config.vocabulary);
  for (let count = 0; count < ANSWER_TOKENS; count++) {
    const token = argmax(logits);
    if (model.tokenizer.endTokens.has(token)) return;
    logits = (await model.decode(plain, token, plain.length)).logits;
    comparison.add(logits, (await model.decode(memory, token, memory.length)).logits);
  }
}

/** Logits of all tokens, [tokens, vocabulary]; their keys and values enter the window. */
async function readAll(model: LanguageModel, window: AttentionWindow, tokens: Int32Array): Promise<Float32Array> {
  const from = window.length;
  const positions = Int32Array.from(tokens, (_, i) => from + i);
  const { kv, hidden } = await model.run(window, tokens, positions, { hidden: true });
  window.append(kv, 0, tokens.length, from);
  return model.logits(hidden);
}
