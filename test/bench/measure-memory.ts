/**
 * Asks a folder's memory in a process of its own: `node measure-memory.ts DATA MODEL THREADS FOLDER`; prints `MemoryTimes` as
 * JSON. The folder's store is the evaluations'; what it lacks is read first.
 */
import { join } from "node:path";
import * as v from "valibot";
import { answer } from "../../engine/answer/answer.ts";
import { WindowFiller } from "../../engine/answer/fill-window.ts";
import { LookUp } from "../../engine/answer/look-up.ts";
import { QuestionLikelihood } from "../../engine/answer/question-likelihood.ts";
import { WindowState } from "../../engine/inference/decoding-state.ts";
import { QuestionGate } from "../../engine/answer/question-gate.ts";
import { loadModel } from "../../engine/loaded-model.ts";
import { takeWithinBudget } from "../../engine/retrieval/select-blocks.ts";
import { storePath } from "../../engine/store/store-path.ts";
import { Store } from "../../engine/store/store.ts";
import { Workspace } from "../../engine/workspace.ts";
import { tellingContext } from "../support/asking.ts";
import { timed } from "./measure-child.ts";
import { type AskedTimes, type MemoryTimes, QUESTIONS, WINDOW_TOKENS } from "./measure-memory-run.ts";

const [dataDir, model, threadCount, folder] = v.parse(
  v.tuple([v.string(), v.string(), v.string(), v.string()]),
  process.argv.slice(2),
);
const threads = Number(threadCount);
const tell = (text: string) => console.error(text);
const context = tellingContext(tell);
const loaded = await loadModel({ dataDir, model }, threads, context);
const { encoder, prompt } = loaded;
const stores = { dataDir: join(dataDir, "eval", "stores") };

const storeFile = storePath(stores.dataDir, folder, encoder.key);
// Evaluations that edit the folder leave old versions behind, which are no part of what a folder costs.
const before = new Store(storeFile, tell);
before.pruneUnused();
before.close();

const opening = { folder, loaded, options: stores, threads, log: tell, questions: new QuestionGate() };
const { ms: readyMs, result: ready } = await timed(async () => {
  const workspace = await Workspace.open(opening);
  const { tokens, encodedTokens } = await workspace.ingest(context);
  const { bytes } = workspace.status();
  await workspace.close();
  return { tokens, encodedTokens, bytesPerToken: bytes / tokens };
});

const store = new Store(storeFile, tell);
const likelihood = await QuestionLikelihood.open(store, loaded.model, encoder, { threads, log: tell });
const lookUp = await LookUp.open(store, encoder, threads, likelihood);
const filler = new WindowFiller(store, loaded.model, encoder, lookUp, tell);
const asked: AskedTimes[] = [];
for (const question of QUESTIONS) asked.push(await ask(question));
const times: MemoryTimes = { ...ready, readyMs, rssBytes: process.memoryUsage.rss(), asked };
await lookUp.close();
store.close();
await loaded.model.close();
console.log(JSON.stringify(times));

/** One question up to its first token, and what llama.cpp would have to read instead. */
async function ask(question: string): Promise<AskedTimes> {
  const started = performance.now();
  const ranking = await lookUp.rankClosely({ question, before: "" }, context.signal);
  const ranked = ranking.map(({ block }) => block);
  const blocks = takeWithinBudget(ranked, WINDOW_TOKENS, ({ path }) => encoder.header(path).length);
  const lookupMs = performance.now() - started;
  const { window, slots } = filler.place(blocks);
  const filled = { state: new WindowState(loaded.model, window), slots, chosen: [], lookupMs };
  const filledMs = performance.now() - started;
  const params = { folder, question, maxTokens: 1 };
  for await (const event of answer(loaded.model, prompt, params, started, filled, context.signal)) {
    if (event.type === "lookup") continue;
    if (event.type === "end") {
      const { firstTokenMs } = event.result.timing;
      const memoryTokens = event.result.tokens.memory;
      return { lookupMs, fillMs: filledMs - lookupMs, firstTokenMs, memoryTokens, reread: rereadTokens(question) };
    }
  }
  throw new Error("The answer did not end.");

  /** The same blocks as text behind their headers, and the question; not the prefix, which llama.cpp might have kept too. */
  function rereadTokens(asking: string): number[] {
    const tokens: number[] = [];
    let path: string | undefined;
    for (const { block } of filled.slots) {
      if (block.path !== path) tokens.push(...encoder.header(block.path));
      path = block.path;
      tokens.push(...encoder.tokenize(store.read((reader) => reader.text(block.id)) ?? ""));
    }
    return [...tokens, ...prompt.suffix({ question: asking }, true)];
  }
}
