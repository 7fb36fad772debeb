/**
 * Asks for the planted constants with one strategy, in a process of its own: `node measure-strategy.ts DATA MODEL THREADS STRATEGY QUESTIONS`;
 * prints `AskedPlanted` as JSON. What the trained strategies keep of the folder is made anew.
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import * as v from "valibot";
import { InfiniStrategy } from "../../engine/answer/infini.ts";
import { LongMemStrategy } from "../../engine/answer/longmem.ts";
import type { AskResult } from "../../engine/protocol/requests.ts";
import { Store } from "../../engine/store/store.ts";
import { names } from "../eval/eval-case.ts";
import { type EvalWorkspace, openEval } from "../eval/open-eval.ts";
import { PlainAttention } from "../eval/plain-attention.ts";
import { ANSWER_TOKENS, COMPARED, type Compared } from "../eval/strategy-answers.ts";
import { plantedCorpus } from "./planted-corpus.ts";
import type { AskedPlanted } from "./strategies.ts";

type Asked = (question: string) => Promise<AskResult>;

const [dataDir, modelPath, threadCount, strategy, count] = v.parse(
  v.tuple([v.string(), v.string(), v.string(), v.picklist(COMPARED), v.string()]),
  process.argv.slice(2),
);
const threads = Number(threadCount);
const tell = (text: string) => console.error(text);
const { folder, constants } = plantedCorpus(join(dataDir, "bench"));
const session = await openEval({ dataDir, modelPath, threads, tell });
const memory = await session.open(folder);
sql(memory.storePath, (database) => database.exec("DELETE FROM infini_memories; DELETE FROM longmem_bank"));

const plain = new PlainAttention(session);
const ask = strategy === "plain" ? plainAsked(memory) : memoryAsked(memory, strategy);
const right: boolean[] = [];
const seconds: AskedPlanted["seconds"] = [];
let windowTokens = 0;
for (const { question, value } of constants.slice(0, Number(count))) {
  const { answer, timing, tokens } = await ask(question);
  right.push(names(answer, { answers: [String(value)] }));
  seconds.push({ firstToken: timing.firstTokenMs / 1000, end: timing.totalMs / 1000 });
  windowTokens = Math.max(windowTokens, tokens.memory);
}
const rss = process.memoryUsage.rss();
await memory.close();
const bytes = { disk: diskBytes(memory.storePath), memory: await memoryBytes(strategy), rss };
await session.close();
const result: AskedPlanted = { tokens: memory.tokens, right, seconds, bytes };
console.log(JSON.stringify(result));

function memoryAsked({ workspace }: EvalWorkspace, named: Exclude<Compared, "plain">): Asked {
  return async (question) => {
    const params = { folder, question, maxTokens: ANSWER_TOKENS, strategy: named };
    for await (const event of workspace.ask(params, session.context)) if (event.type === "end") return event.result;
    throw new Error("The answer has no end");
  };
}

/** The folder is the same for all questions and read once; each of them is told to have waited for that. */
function plainAsked({ workspace }: EvalWorkspace): Asked {
  const texts = new Map(workspace.files().map(({ path }) => [path, workspace.fileText(path) ?? ""]));
  let readMs = 0;
  return async (question) => {
    const asked = await plain.ask(texts, question, ANSWER_TOKENS);
    readMs ||= plain.readMs;
    const { lookupMs, firstTokenMs, totalMs } = asked.timing;
    return { ...asked, timing: { lookupMs, firstTokenMs: readMs + firstTokenMs, totalMs: readMs + totalMs } };
  };
}

function diskBytes(path: string): number {
  const columns: Record<Compared, [table: string, column: string][]> = {
    infllm: [
      ["block_kv", "data"],
      ["headers", "data"],
      ["block_index", "data"],
    ],
    infini: [["infini_memories", "sums"]],
    longmem: [["longmem_bank", "data"]],
    plain: [],
  };
  const sizes = columns[strategy].map(([table, column]) =>
    sql(path, (database) =>
      Number(database.prepare(`SELECT ifnull(sum(length(${column})), 0) FROM ${table}`).pluck().get()),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What a question reads: in the window, keys and values of single precision in every layer. */
async function memoryBytes(named: Compared): Promise<number> {
  const { layers, kvHeads, headDim } = session.loaded.model.config;
  if (named === "infllm" || named === "plain") return windowTokens * 2 * layers * kvHeads * headDim * 4;
  const store = new Store(memory.storePath, tell);
  const options = { ...session.loaded, store, threads, log: tell };
  const trained = named === "infini" ? new InfiniStrategy(options) : new LongMemStrategy(options);
  const { signal } = new AbortController();
  try {
    const feeds =
      trained instanceof InfiniStrategy
        ? [...(await trained.memory(signal)).feeds().values()].flatMap((layer) => Object.values(layer))
        : Object.values((await trained.bank(signal)).feeds);
    return feeds.reduce((total, { size }) => total + 4 * size, 0);
  } finally {
    await trained.close();
    store.close();
  }
}

function sql<T>(path: string, work: (database: Database.Database) => T): T {
  const database = new Database(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}
