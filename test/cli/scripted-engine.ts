import { PassThrough } from "node:stream";
import type { OpenEngine } from "../../engine/cli/command.ts";
import { runCli } from "../../engine/cli/run-cli.ts";
import type {
  AnswerEvent,
  AskResult,
  CallContext,
  Coverage,
  EngineApi,
  EngineOptions,
  IngestResult,
  StatusResult,
} from "../../engine/protocol/requests.ts";

/** What the scripted engine answers; a test overrides what it is about. */
export interface Script {
  state?: StatusResult["state"];
  /** The answer, token by token. */
  tokens?: Iterable<string> | AsyncIterable<string>;
  result?: Partial<AskResult>;
  /** Thrown by `ask` and `recall`. */
  failure?: Error;
  /** How much of the folder is in memory. */
  coverage?: Coverage;
  /** Files in memory with their texts. */
  files?: Record<string, string>;
  /** Reads, in place of a reading that ends at once. */
  ingest?: (context: CallContext) => Promise<IngestResult>;
  /** Thrown when the engine is opened. */
  openFailure?: Error;
}

/** One run of the command line: what was written, the exit code, and what was asked of the engine. */
export interface CliRun {
  code: number;
  stdout: string;
  stderr: string;
  calls: { name: string; params: unknown }[];
  options: EngineOptions | undefined;
}

const ingested: IngestResult = {
  files: 2,
  segments: 3,
  blocks: 5,
  tokens: 600,
  encodedTokens: 600,
  skipped: [{ path: "a.png", reason: "binary" }],
  seconds: 1.5,
};

const asked: AskResult = {
  answer: "In a.ts.",
  citations: [{ path: "src/a.ts", startLine: 3, endLine: 9, score: 0.75 }],
  sentences: [],
  lines: [],
  found: true,
  tokens: { prompt: 20, memory: 128, generated: 3 },
  timing: { lookupMs: 4, firstTokenMs: 90, totalMs: 200 },
  finish: "stop",
};

const trained = {
  pairs: 5000,
  tokens: 600_000,
  seconds: 900,
  questions: 1000,
  blocks: 1200,
  trained: { at1: 0.3, at8: 0.6 },
  before: { at1: 0.1, at8: 0.2 },
  used: true,
};

/** An engine that notes its calls and answers by the script. */
export function scriptedEngine(script: Script, calls: CliRun["calls"]): EngineApi {
  const note = (name: string, params: unknown): void => void calls.push({ name, params });
  const coverage = script.coverage ? { coverage: script.coverage } : {};
  const found = asked.citations.map((range) => ({ ...range, why: "words" as const, tokens: 64 }));
  return {
    async ingest(params, context) {
      note("ingest", params);
      if (script.ingest) return script.ingest(context);
      const progress = { phase: "ingest", total: 600, unit: "tokens", rate: 300, detail: "src/a.ts" } as const;
      for (const done of [0, 300, 600]) context.onProgress({ ...progress, done, secondsLeft: (600 - done) / 300 });
      return ingested;
    },
    async *ask(params): AsyncGenerator<AnswerEvent> {
      note("ask", params);
      if (script.failure) throw script.failure;
      yield { type: "lookup", blocks: found, memoryTokens: 128, lookupMs: 4, ...coverage };
      for await (const text of script.tokens ?? ["In ", "a.ts", "."]) yield { type: "token", text };
      yield { type: "end", result: { ...asked, ...script.result } };
    },
    async recall(params) {
      note("recall", params);
      if (script.failure) throw script.failure;
      return { blocks: found, ...coverage };
    },
    async *generate(params) {
      note("generate", params);
      const timing = { firstTokenMs: 90, totalMs: 200 };
      yield { type: "token", text: "Yes." };
      yield { type: "end", result: { text: "Yes.", tokens: { prompt: 5, generated: 2 }, timing, finish: "stop" } };
    },
    async countTokens({ texts }) {
      const model = { name: "tiny", architecture: "llama", windowTokens: 2048 };
      return { counts: texts.map((text) => text.length), perMessage: 4, model };
    },
    async files(folder) {
      note("files", folder);
      return Object.entries(script.files ?? {}).map(([path, text]) => ({ path, bytes: Buffer.byteLength(text) }));
    },
    async fileText(_folder, path) {
      note("fileText", path);
      return script.files?.[path];
    },
    async status(folder) {
      note("status", folder);
      const state = script.state ?? "ready";
      const disk = { bytes: 4096, storesBytes: 2e9, budgetBytes: 1e10 };
      return { folder, state, files: 2, blocks: 5, tokens: 600, ...disk, model: undefined, device: "CPU" };
    },
    async forget(params) {
      note("forget", params);
      return { files: 1, blocks: 2 };
    },
    async models() {
      note("models", undefined);
      return [{ name: "tiny", bytes: 94_000_000, license: "Apache-2.0", state: "in-use", path: "/m/tiny.gguf" }];
    },
    async train(params, context) {
      note("train", params);
      const progress = { phase: "train", total: 1000, unit: "steps", rate: 10 } as const;
      for (const done of [0, 500, 1000]) context.onProgress({ ...progress, done, secondsLeft: (1000 - done) / 10 });
      return trained;
    },
    async pause() {},
    async resume() {},
    async changed() {},
    async close() {
      note("close", undefined);
    },
  };
}

/** Where a run differs from a plain one. */
export interface RunOptions {
  script?: Script;
  stdin?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  signal?: AbortSignal;
  isTTY?: boolean;
}

/** Runs a command line in this process against a scripted engine. */
export async function run(args: string[], options: RunOptions = {}): Promise<CliRun> {
  const { script = {}, stdin = "", env = { NO_COLOR: "1" }, cwd = import.meta.dirname } = options;
  const calls: CliRun["calls"] = [];
  let opened: EngineOptions | undefined;
  const openEngine: OpenEngine = async (engineOptions: EngineOptions) => {
    opened = engineOptions;
    if (script.openFailure) throw script.openFailure;
    return scriptedEngine(script, calls);
  };
  const [stdout, stderr] = [capture(options.isTTY), capture(options.isTTY)];
  const input = new PassThrough();
  input.end(stdin);
  const signal = options.signal ?? new AbortController().signal;
  const environment = { stdin: input, stdout: stdout.stream, stderr: stderr.stream, env, cwd, signal, openEngine };
  const code = await runCli(args, environment);
  return { code, stdout: stdout.text(), stderr: stderr.text(), calls, options: opened };
}

function capture(isTTY = false): { stream: PassThrough & { isTTY: boolean }; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY });
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}
