/**
 * An engine without a model, as a program of its own: what it does is decided by words in the question, so that a test can
 * force what a real model does only by chance. Started by `REPO_MEMORY_TEST_ENGINE`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { runEngineProcess } from "../../engine/child-process.ts";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type {
  CountTokensParams,
  CountTokensResult,
  GenerateEvent,
  GenerateParams,
} from "../../engine/protocol/generation.ts";
import { answerInParts, answerWithParams, HOSTILE } from "./scripted-answers.ts";
import { countWords, endless, failure, sayAgain, yieldOnce } from "./scripted-model.ts";
import type {
  AnswerEvent,
  AskParams,
  CallContext,
  EngineApi,
  EngineOptions,
  ForgetParams,
  IngestResult,
  MemoryFile,
  ModelInfo,
  ChosenRange,
  RecallParams,
  RecallResult,
  SentenceSources,
  StatusResult,
  TrainParams,
  TrainResult,
} from "../../engine/protocol/requests.ts";

/** A model setting with this word makes an ingestion wait in its middle until it was paused and resumed. */
const HELD = "held";

/** A model setting with this word makes files so long that a few of them have a million tokens. */
const MILLION = "million";

/** A model setting with this word makes the first ingestion act as if there were none. */
const MISSING = "missing";

const ANSWER = `The service starts in \`src/server.ts\`: \`startServer\` reads the configuration, opens the store and then listens.

1. **Configuration** comes from \`src/config.ts\`; the port is **8734** unless \`PORT\` names another.
2. **Requests** go through \`handle\`, which answers \`404\` for what it does not know.

\`\`\`ts
const server = createServer(handle);
server.listen(loadConfig().port);
\`\`\`

Errors are logged and never reach the client.`;

const model: ModelInfo = { name: "Scripted", bytes: 1, license: "MIT", state: "in-use" };

class ScriptedEngine implements EngineApi {
  readonly #changed: ChosenRange[] = [];
  readonly #read = new Map<string, IngestResult>();
  readonly #paused = new Set<string>();
  readonly #options: EngineOptions;
  #isHeld: boolean;
  #fetched = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#isHeld = options.model?.includes(HELD) ?? false;
  }

  async ingest({ folder }: { folder: string }, context: CallContext): Promise<IngestResult> {
    if (this.#options.model?.includes(MISSING)) await this.#fetchModel(context);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const each = this.#options.model?.includes(MILLION) ? 200_000 : 700;
    const total = files.length * each;
    for (const [index, { name }] of files.entries()) {
      context.signal.throwIfAborted();
      const done = index * each;
      context.onProgress({
        phase: "ingest",
        done,
        total,
        unit: "tokens",
        rate: 1240,
        secondsLeft: 3,
        detail: `src/${name}`,
      });
      while (this.#paused.has(folder) || (this.#isHeld && index === 3)) await yieldOnce();
    }
    const counts = { files: files.length, segments: files.length, blocks: files.length * 3, tokens: total };
    const result = { ...counts, encodedTokens: total, skipped: [], seconds: 1 };
    this.#read.set(folder, result);
    return result;
  }

  async *ask(params: AskParams, { signal, onProgress }: CallContext): AsyncGenerator<AnswerEvent> {
    const { question, folder } = params;
    if (question.includes("waits")) {
      onProgress({ phase: "ingest", done: 1, total: 2, unit: "tokens", rate: 1, secondsLeft: 1 });
      while (!signal.aborted) await yieldOnce();
      signal.throwIfAborted();
    }
    if (question.includes("crash")) process.kill(process.pid, "SIGKILL");
    if (question.includes("fail")) throw new RepoMemoryError("model-invalid", failure);
    const blocks = sources(folder);
    yield { type: "lookup", blocks, memoryTokens: 384, lookupMs: 12 };
    const text = question.includes("hostile") ? HOSTILE : (answerWithParams(params) ?? answerInParts(params) ?? ANSWER);
    const tokens: string[] = [];
    const isEndless = question.includes("endless") || params.selection?.text.includes("answer: endless") === true;
    for await (const token of isEndless ? endless() : (text.match(/\s*\S+|\s+$/g) ?? [])) {
      if (signal.aborted) break;
      tokens.push(token);
      yield { type: "token", text: token };
      await yieldOnce();
    }
    const tally = { prompt: 62, memory: 384, generated: tokens.length };
    const timing = { lookupMs: 12, firstTokenMs: 410, totalMs: 4380 };
    const finish = signal.aborted ? "cancelled" : "stop";
    yield {
      type: "end",
      result: {
        answer: tokens.join(""),
        citations: blocks,
        sentences: sentencesOf(tokens.join(""), blocks),
        lines: blocks.map((block) => ({ ...block, endLine: block.startLine, score: block.score / 2 })),
        found: true,
        tokens: tally,
        timing,
        finish,
      },
    };
  }

  /** For the question "hints": those that came in, a text's length as the last line. Else what `ask` would cite. */
  async recall({ question, folder, top = 8, maxTokens = Infinity, text }: RecallParams): Promise<RecallResult> {
    if (question === "hints") return { blocks: this.#changed.map((block) => ({ ...block, tokens: 1 })) };
    if (question.includes("fail")) throw new RepoMemoryError("model-invalid", failure);
    const blocks = sources(folder).map((block) => ({
      ...block,
      tokens: 90,
      ...(text && { text: linesIn(folder, block) }),
    }));
    return { blocks: blocks.slice(0, Math.min(top, Math.floor(maxTokens / 90))) };
  }

  generate(params: GenerateParams, { signal }: CallContext): AsyncGenerator<GenerateEvent> {
    return sayAgain(params, signal);
  }

  async countTokens({ texts }: CountTokensParams): Promise<CountTokensResult> {
    return countWords(texts);
  }

  async files(folder: string): Promise<MemoryFile[]> {
    return sources(folder).map(({ path }) => ({ path, bytes: 1 }));
  }

  async fileText(folder: string, path: string): Promise<string | undefined> {
    return readFileSync(`${folder}/${path}`, "utf8");
  }

  async status(folder: string): Promise<StatusResult> {
    const { files = 0, blocks = 0, tokens = 0 } = this.#read.get(folder) ?? {};
    const state = this.#paused.has(folder) ? "paused" : files > 0 ? "ready" : "empty";
    const disk = { bytes: tokens * 900, storesBytes: tokens * 900, budgetBytes: 1e10 };
    return { folder, state, files, blocks, tokens, ...disk, model, device: "CPU" };
  }

  async forget({ folder, paths }: ForgetParams): Promise<{ files: number; blocks: number }> {
    const { files = 0, blocks = 0 } = this.#read.get(folder) ?? {};
    if (paths !== undefined) return { files: paths.length, blocks: paths.length * 3 };
    this.#read.delete(folder);
    return { files, blocks };
  }

  /** Held, it stays in its middle until it is stopped. */
  async train(_: TrainParams, { signal, onProgress }: CallContext): Promise<TrainResult> {
    for (let done = 0; done <= 10; done++) {
      onProgress({ phase: "train", done, total: 10, unit: "steps", rate: 2, secondsLeft: 300 });
      while (this.#options.model?.includes(HELD) === true && done === 5 && !signal.aborted) await yieldOnce();
      signal.throwIfAborted();
    }
    const figures = { pairs: 900, tokens: 40_000, seconds: 60, questions: 200, blocks: 3_000 };
    return { ...figures, before: { at1: 0.31, at8: 0.52 }, trained: { at1: 0.44, at8: 0.71 }, used: true };
  }

  async models(): Promise<ModelInfo[]> {
    return modelsFor(this.#options.model);
  }

  async pause(folder: string): Promise<void> {
    this.#paused.add(folder);
    this.#isHeld = false;
  }

  async resume(folder: string): Promise<void> {
    this.#paused.delete(folder);
  }

  async changed({ files }: { files: { path: string; text?: string }[] }): Promise<void> {
    for (const { path, text } of files)
      this.#changed.push({ path, startLine: 1, endLine: (text ?? "").length, score: 1, why: "words" });
  }

  async close(): Promise<void> {}

  /** Held, it stays at the half until it is cancelled; the next one goes on. */
  async #fetchModel({ signal, onProgress }: CallContext): Promise<void> {
    if (this.#options.mayDownload !== true) throw new RepoMemoryError("model-not-found", missing);
    for (let done = this.#fetched; done <= 98_000_000; done += 7_000_000) {
      this.#fetched = done;
      onProgress({
        phase: "download",
        done,
        total: 98_000_000,
        unit: "bytes",
        rate: 21_000_000,
        secondsLeft: 4,
        detail: "model.gguf",
      });
      do await yieldOnce();
      while (this.#isHeld && done === 49_000_000 && !signal.aborted);
      if (signal.aborted) this.#isHeld = false;
      signal.throwIfAborted();
    }
  }
}

/** What a machine may have: the model in use, one of another program, one that fits and one that is too large. */
function modelsFor(named = ""): ModelInfo[] {
  const MB = 1e6;
  const offered = { license: "apache-2.0", state: "downloadable" } as const;
  const ollama = { name: "qwen2.5-coder:1.5b", path: "/models/blobs/sha256-1", source: "ollama" } as const;
  return [
    ...(named.includes(MISSING) ? [] : [model]),
    { ...ollama, bytes: 986 * MB, license: "apache-2.0", state: "on-disk" },
    { ...offered, name: "colossal-70b", bytes: 42_000 * MB, minMemoryBytes: 1e15 },
    { ...offered, name: "small-0.1b", bytes: 98 * MB, minMemoryBytes: 0, suggested: true },
    ...(named.includes(MISSING) ? [{ ...offered, name: named, bytes: 98 * MB, minMemoryBytes: 0 }] : []),
  ];
}

const missing = {
  message: "There is no model on this machine yet.",
  meaning: "Repo Memory needs a language model to read and answer with. It runs on this machine.",
  remedy: "Download one (98 MB), or name a file in the setting repoMemory.model.",
};

/** Citations of files that are there, so that a click opens them. */
function sources(folder: string): ChosenRange[] {
  const wanted = ["src/server.ts", "src/config.ts", "README.md"];
  return wanted.flatMap((path, index) => {
    const lines = linesOf(`${folder}/${path}`);
    return lines === 0
      ? []
      : [{ path, startLine: Math.min(3, lines), endLine: Math.min(9, lines), score: 1 / (index + 1), why: "words" }];
  });
}

/** A sentence a line of the answer, each from another block than the one before. */
function sentencesOf(answer: string, blocks: readonly ChosenRange[]): SentenceSources[] {
  const lines = [...answer.matchAll(/[^\n]+/g)];
  return lines.map((line, index) => {
    const block = blocks[index % Math.max(1, blocks.length)];
    const ofSentence = block === undefined ? [] : [block, ...blocks.filter((other) => other !== block)];
    return { start: line.index, end: line.index + line[0].length, blocks: ofSentence };
  });
}

function linesIn(folder: string, { path, startLine, endLine }: ChosenRange): string {
  const lines = readFileSync(`${folder}/${path}`, "utf8").split("\n");
  return lines.slice(startLine - 1, endLine).join("\n");
}

function linesOf(path: string): number {
  try {
    return readFileSync(path, "utf8").split("\n").length;
  } catch {
    return 0;
  }
}
runEngineProcess({ file: import.meta.url, open: async (options) => new ScriptedEngine(options), defaultDataDir: "" });
