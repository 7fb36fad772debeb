/** One folder with its store: what is ingested into it, and what is asked of it. */
import { answer } from "./answer/answer.ts";
import { orAborted } from "./protocol/or-aborted.ts";
import type { QuestionGate } from "./answer/question-gate.ts";
import { WindowFiller } from "./answer/fill-window.ts";
import { LookUp } from "./answer/look-up.ts";
import { Ingestor } from "./ingest/ingestor.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type {
  AnswerEvent,
  AskParams,
  CallContext,
  EngineOptions,
  IngestResult,
  RecallParams,
  RecallResult,
  StatusResult,
} from "./protocol/requests.ts";
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
}

/** A folder that is open in an engine. */
export class Workspace {
  private readonly store: Store;
  private readonly loaded: LoadedModel;
  private readonly questions: QuestionGate;
  private readonly ingestor: Ingestor;
  private readonly lookUp: LookUp;
  private readonly filler: WindowFiller;

  private constructor({ loaded, questions, log }: WorkspaceOptions, store: Store, ingestor: Ingestor, lookUp: LookUp) {
    this.store = store;
    this.loaded = loaded;
    this.questions = questions;
    this.ingestor = ingestor;
    this.lookUp = lookUp;
    this.filler = new WindowFiller(store, loaded.model, loaded.encoder, lookUp, log);
  }

  /** Opens the folder's store, or makes it. @throws RepoMemoryError "folder-not-found" | "store-failed" */
  static async open(opening: WorkspaceOptions): Promise<Workspace> {
    const { folder, options, threads, log } = opening;
    const { encoder } = opening.loaded;
    const store = new Store(storePath(options.dataDir, folder, encoder.key), log);
    const limits = {
      ...(options.maxFileBytes === undefined ? {} : { maxFileBytes: options.maxFileBytes }),
      ...(options.secretPatterns === undefined ? {} : { secretPatterns: options.secretPatterns }),
    };
    const ingestor = new Ingestor({ folder: realFolder(folder), store, encoder, log, ...limits });
    return new Workspace(opening, store, ingestor, await LookUp.open(store, encoder, threads));
  }

  ingest(context: CallContext): Promise<IngestResult> {
    return this.ingestor.ingest(context);
  }

  /** Asks; a folder that holds nothing yet is ingested first. */
  async *ask(params: AskParams, context: CallContext): AsyncGenerator<AnswerEvent> {
    await this.ingestIfEmpty(context);
    const leave = this.questions.enter();
    try {
      const started = performance.now();
      const filled = await this.filler.fill(lookUpText(params), context.signal);
      yield* answer(this.loaded.model, this.loaded.prompt, params, started, filled, context.signal);
    } finally {
      leave();
    }
  }

  async recall({ question, top = DEFAULT_TOP }: RecallParams, context: CallContext): Promise<RecallResult> {
    await this.ingestIfEmpty(context);
    const hits = await this.lookUp.rank(question);
    return {
      blocks: hits
        .slice(0, top)
        .map(({ block: { path, startLine, endLine }, score, why }) => ({ path, startLine, endLine, score, why })),
    };
  }

  status(): Pick<StatusResult, "state" | "files" | "blocks" | "tokens" | "bytes"> {
    const { files, blocks, tokens } = this.store.totals();
    const idle = files === 0 ? "empty" : "ready";
    const { state } = this.ingestor;
    return { state: state === "idle" ? idle : state, files, blocks, tokens, bytes: this.store.bytes() };
  }

  changed(files: { path: string; text?: string }[]): Promise<void> {
    return this.ingestor.changed(files);
  }

  pause(): void {
    this.ingestor.pause();
  }

  resume(): void {
    this.ingestor.resume();
  }

  async close(): Promise<void> {
    await this.ingestor.close();
    await this.lookUp.close();
    this.store.close();
  }

  private async ingestIfEmpty(context: CallContext): Promise<void> {
    if (this.store.totals().files === 0) await orAborted(this.ingestor.ingest(context), context.signal);
  }
}

/** What the look-up goes by: the question, what it follows up on, and the selection that it is about. */
function lookUpText({ question, history = [], selection }: AskParams): string {
  const before = history.findLast((turn) => turn.role === "user")?.text ?? "";
  return [before, selection?.text.slice(0, SELECTION_CHARACTERS) ?? "", question]
    .filter((text) => text !== "")
    .join("\n");
}
