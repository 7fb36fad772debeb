/** One folder with its store: what is ingested into it, and what is asked of it. */
import { answer } from "./answer/answer.ts";
import { PublishedInfllm } from "./answer/infllm-published.ts";
import type { QuestionGate } from "./answer/question-gate.ts";
import { WindowFiller } from "./answer/fill-window.ts";
import { LookUp } from "./answer/look-up.ts";
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
  RecallParams,
  RecallResult,
  StatusResult,
} from "./protocol/requests.ts";
import type { DiskBudget } from "./store/disk-budget.ts";
import { Store } from "./store/store.ts";
import { realFolder, storePath } from "./store/store-path.ts";

const DEFAULT_TOP = 8;
/** Characters of a selection that help the look-up; more would drown the question. */
const SELECTION_CHARACTERS = 600;

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
  private readonly loaded: LoadedModel;
  private readonly questions: QuestionGate;
  private readonly ingestor: Ingestor;
  private readonly lookUp: LookUp;
  private readonly filler: WindowFiller;
  private readonly catchUp: CatchUp;
  private readonly published: PublishedInfllm;
  private readonly closing = new AbortController();
  /** Steps of questions that are in work: the store is closed after them. */
  private readonly atWork = new Set<Promise<unknown>>();

  private constructor(
    { loaded, questions, log, threads }: WorkspaceOptions,
    store: Store,
    ingestor: Ingestor,
    lookUp: LookUp,
  ) {
    this.store = store;
    this.loaded = loaded;
    this.questions = questions;
    this.ingestor = ingestor;
    this.lookUp = lookUp;
    this.published = new PublishedInfllm({ store, ...loaded, threads });
    this.catchUp = new CatchUp(ingestor, log, this.closing.signal);
    this.filler = new WindowFiller(store, loaded.model, loaded.encoder, lookUp, log);
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
    return new Workspace(opening, store, ingestor, await LookUp.open(store, encoder, threads));
  }

  ingest(context: CallContext, open?: readonly string[]): Promise<IngestResult> {
    return this.ingestor.ingest(context, open);
  }

  /** Asks, once the memory holds nothing any more that the folder does not say. */
  async *ask(params: AskParams, context: CallContext): AsyncGenerator<AnswerEvent> {
    const signal = AbortSignal.any([context.signal, this.closing.signal]);
    await this.working(this.catchUp.beforeQuestion({ ...context, signal }));
    const leave = this.questions.enter();
    try {
      const started = performance.now();
      const coverage = this.ingestor.coverage();
      const events = await this.working(this.events(params, started, signal));
      for await (const event of this.stepwise(events)) yield withCoverage(event, coverage);
    } finally {
      leave();
    }
  }

  async recall({ question, top = DEFAULT_TOP }: RecallParams, context: CallContext): Promise<RecallResult> {
    const signal = AbortSignal.any([context.signal, this.closing.signal]);
    await this.working(this.catchUp.beforeQuestion({ ...context, signal }));
    const coverage = this.ingestor.coverage();
    const hits = await this.working(this.lookUp.rank(question));
    const blocks = hits
      .slice(0, top)
      .map(({ block: { path, startLine, endLine }, score, why }) => ({ path, startLine, endLine, score, why }));
    return { blocks, coverage };
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
    await Promise.allSettled(this.atWork);
    await this.published.close();
    await this.lookUp.close();
    this.store.close();
  }

  private async events(params: AskParams, started: number, signal: AbortSignal): Promise<AsyncGenerator<AnswerEvent>> {
    if (params.strategy === "infllm-published") return this.published.ask(params, started, signal);
    const filled = await this.filler.fill(lookUpText(params), params, signal);
    return answer(this.loaded.model, this.loaded.prompt, params, started, filled, signal);
  }

  private async working<T>(step: Promise<T>): Promise<T> {
    this.atWork.add(step);
    try {
      return await step;
    } finally {
      this.atWork.delete(step);
    }
  }

  /** The same events; only while one is made is the question in work: its reader may take as long as it likes between them. */
  private async *stepwise(events: AsyncGenerator<AnswerEvent>): AsyncGenerator<AnswerEvent> {
    try {
      for (;;) {
        const { value, done } = await this.working(events.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      await events.return(undefined);
    }
  }
}

function withCoverage(event: AnswerEvent, coverage: Coverage): AnswerEvent {
  if (event.type === "lookup") return { ...event, coverage };
  return event.type === "end" ? { ...event, result: { ...event.result, coverage } } : event;
}

/** What the look-up goes by: the question, what it follows up on, and the selection that it is about. */
function lookUpText({ question, history = [], selection }: AskParams): string {
  const before = history.findLast((turn) => turn.role === "user")?.text ?? "";
  return [before, selection?.text.slice(0, SELECTION_CHARACTERS) ?? "", question]
    .filter((text) => text !== "")
    .join("\n");
}
