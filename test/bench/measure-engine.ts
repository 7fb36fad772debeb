/** Measures this engine in a process of its own: `node measure-engine.ts DATA MODEL THREADS FOLDER`; prints `RoundTimes` as JSON. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { WindowFiller } from "../../engine/answer/fill-window.ts";
import { LookUp } from "../../engine/answer/look-up.ts";
import { QuestionGate } from "../../engine/answer/question-gate.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { createSampler } from "../../engine/inference/sampler.ts";
import { type LoadedModel, loadModel } from "../../engine/loaded-model.ts";
import { takeWithinBudget } from "../../engine/retrieval/select-blocks.ts";
import { storePath } from "../../engine/store/store-path.ts";
import { Store } from "../../engine/store/store.ts";
import { Workspace } from "../../engine/workspace.ts";
import { timed } from "./measure-child.ts";
import { MEMORY_TOKENS, measureDecode, measurePrefill, type RoundTimes } from "./speed-run.ts";

const [dataDir, model, threadCount, folder] = v.parse(
  v.tuple([v.string(), v.string(), v.string(), v.string()]),
  process.argv.slice(2),
);
const threads = Number(threadCount);
const context = { signal: new AbortController().signal, onProgress: () => undefined };
const tell = (text: string) => console.error(text);
const loaded = await loadModel({ dataDir, model }, threads, context);
const stores = mkdtempSync(join(tmpdir(), "repo-memory-speed-"));
try {
  const prefillMs = await measurePrefill(async (tokens) => {
    await loaded.model.prefill(loaded.model.window(0), Int32Array.from(tokens), 0);
  });
  const ingest = await measureIngest();
  const window = await memoryWindow(loaded);
  const times: RoundTimes = {
    prefillMs,
    ingest,
    attended: window.length,
    decodeMs: await decode(loaded.model, window),
  };
  console.log(JSON.stringify(times));
} finally {
  rmSync(stores, { recursive: true, force: true });
}
await loaded.model.close();

/** From an empty store until the folder is in memory, as an engine does it. */
async function measureIngest(): Promise<RoundTimes["ingest"]> {
  const opening = { folder, loaded, options: { dataDir: stores }, threads, log: tell, questions: new QuestionGate() };
  const workspace = await Workspace.open(opening);
  const { ms, result } = await timed(() => workspace.ingest(context));
  await workspace.close();
  return { tokens: result.tokens, ms };
}

/** A window with the store's first blocks, `MEMORY_TOKENS` tokens of them. */
async function memoryWindow({ encoder, model: language }: LoadedModel): Promise<AttentionWindow> {
  const store = new Store(storePath(stores, folder, encoder.key), tell);
  const lookUp = await LookUp.open(store, encoder, threads);
  const filler = new WindowFiller(store, language, encoder, lookUp, tell);
  const blocks = takeWithinBudget(lookUp.blocks(), MEMORY_TOKENS, ({ path }) => encoder.header(path).length);
  const { window } = filler.place(blocks);
  await lookUp.close();
  store.close();
  return window;
}

async function decode(language: LanguageModel, window: AttentionWindow): Promise<number[]> {
  const sampler = createSampler({});
  let token = 100;
  return measureDecode(async () => {
    // Asked of the graph as answering asks: with the attention that citations are made from.
    const { logits } = await language.decode(window, token, window.length, { attention: true });
    token = sampler.next(logits, []);
  });
}
