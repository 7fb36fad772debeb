/** One folder with its store: what is ingested into it, and what is asked of it. */
import { askedFor } from "./answer/block-memory.ts";
import type { QuestionGate } from "./answer/question-gate.ts";
import { LookUp } from "./answer/look-up.ts";
import { QuestionLikelihood } from "./answer/question-likelihood.ts";
import { recalledBlocks } from "./answer/recalled-blocks.ts";
import { openStrategies } from "./answer/strategies.ts";
import { CatchUp } from "./ingest/catch-up.ts";
import { Ingestor } from "./ingest/ingestor.ts";
import { onBattery } from "./ingest/power.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type {
  AnswerEvent,
  AskParams,
  CallContext,
  ChangedParams,
  Coverage,
  EngineOptions,
  IngestResult,
  MemoryFile,
  RecallParams,
  RecallResult,
  StatusResult,
  Strategy,
} from "./protocol/requests.ts";
import type { MemoryStrategy } from "./memory/memory-strategy.ts";
import { WorkInHand } from "./protocol/work-in-hand.ts";
import type { DiskBudget } from "./store/disk-budget.ts";
import { Store } from "./store/store.ts";
import { filesIn, textIn } from "./store/stores.ts";
import { realFolder, storePath } from "./store/store-path.ts";

/** What a workspace is opened with. */
export interface WorkspaceOptions {
  folder: string;
  loaded: LoadedModel;
  options: EngineOptions;
  threads: number;
  log: (line: string) => void;
  questions: QuestionGate;
  /** Kept while the store grows. */
  budget?: DiskBudget;
  /** What the store holds is taken as it is, until the next `ingest`. */
  isCompared?: boolean;
}

/** A folder that is open in an engine. */
export class Workspace {
  private readonly store: Store;
  private readonly questions: QuestionGate;
  private readonly ingestor: Ingestor;
  private readonly lookUp: LookUp;
  private readonly catchUp: CatchUp;
  private readonly strategies: Record<Strategy, MemoryStrategy>;
  private readonly closing = new AbortController();
  /** Steps of questions that are in work: the store is closed after them. */
  private readonly work = new WorkInHand();

  private constructor(
    { loaded, questions, log, threads }: WorkspaceOptions,
    store: Store,
    ingestor: Ingestor,
    lookUp: LookUp,
  ) {
    this.store = store;
    this.questions = questions;
    this.ingestor = ingestor;
    this.lookUp = lookUp;
    this.strategies = openStrategies({ store, ...loaded, threads, log }, lookUp);
    this.catchUp = new CatchUp(ingestor, log, this.closing.signal);
  }

  /** Opens the folder's store, or makes it. @throws RepoMemoryError "folder-not-found" | "store-failed" */
  static async open(opening: WorkspaceOptions): Promise<Workspace> {
    const { folder, options, threads, log } = opening;
    const { encoder } = opening.loaded;
    const store = new Store(storePath(options.dataDir, folder, encoder.key), log);
    const { maxFileBytes, secretPatterns, pauseOnBattery } = options;
    const ingestor = new Ingestor({
      folder: realFolder(folder),
      store,
      encoder,
      log,
      isCompared: opening.isCompared === true,
      idle: () => opening.questions.none(),
      hurry: () => opening.questions.enter(),
      ...(opening.budget ? { budget: opening.budget } : {}),
      ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
      ...(secretPatterns === undefined ? {} : { secretPatterns }),
      ...(pauseOnBattery === true ? { onBattery } : {}),
    });
    const likelihood = await QuestionLikelihood.open(store, opening.loaded.model, encoder, { threads, log });
    return new Workspace(opening, store, ingestor, await LookUp.open(store, encoder, threads, likelihood));
  }

  ingest(context: CallContext, open?: readonly string[]): Promise<IngestResult> {
    return this.ingestor.ingest(context, open);
  }

  /** Asks, once the memory holds nothing any more that the folder does not say. */
  async *ask(params: AskParams, context: CallContext): AsyncGenerator<AnswerEvent> {
    const signal = AbortSignal.any([context.signal, this.closing.signal]);
    await this.work.step(this.catchUp.beforeQuestion({ ...context, signal }, params.compare));
    const leave = this.questions.enter();
    try {
      const started = performance.now();
      const coverage = this.ingestor.coverage();
      const events = this.strategies[params.strategy ?? "infllm"].ask(params, started, signal);
      for await (const event of this.work.stepwise(events)) yield withCoverage(event, coverage);
    } finally {
      leave();
    }
  }

  async recall(params: RecallParams, context: CallContext): Promise<RecallResult> {
    const signal = AbortSignal.any([context.signal, this.closing.signal]);
    await this.work.step(this.catchUp.beforeQuestion({ ...context, signal }, params.compare));
    const leave = this.questions.enter();
    try {
      const coverage = this.ingestor.coverage();
      const hits = await this.work.step(this.lookUp.rankClosely(askedFor(params), signal));
      signal.throwIfAborted();
      return { blocks: recalledBlocks(this.store, hits, params), coverage };
    } finally {
      leave();
    }
  }

  files(): MemoryFile[] {
    return filesIn(this.store);
  }

  fileText(path: string): string | undefined {
    return textIn(this.store, path);
  }

  status(): Pick<StatusResult, "state" | "files" | "blocks" | "tokens" | "bytes" | "coverage"> {
    const { files, blocks, tokens } = this.store.totals();
    const idle = files === 0 ? "empty" : "ready";
    const { state } = this.ingestor;
    const coverage = this.ingestor.coverage();
    return { state: state === "idle" ? idle : state, files, blocks, tokens, bytes: this.store.bytes(), coverage };
  }

  changed(files: ChangedParams["files"], open?: readonly string[]): Promise<void> {
    return this.ingestor.changed(files, open);
  }

  pause(): void {
    this.ingestor.pause();
  }

  resume(): void {
    this.ingestor.resume();
  }

  /** Cancels questions and readings, and closes the store after the last of their steps. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.ingestor.close();
    await this.work.settled();
    for (const strategy of Object.values(this.strategies)) await strategy.close();
    await this.lookUp.close();
    this.store.close();
  }
}

function withCoverage(event: AnswerEvent, coverage: Coverage): AnswerEvent {
  if (event.type === "lookup") return { ...event, coverage };
  return event.type === "end" ? { ...event, result: { ...event.result, coverage } } : event;
}
