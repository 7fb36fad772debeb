/** Everything that Repo Memory can do, in this process. The command line and the child process both use this class. */
import { availableParallelism, constants, homedir, setPriority, totalmem } from "node:os";
import { listModels } from "./models/list-models.ts";
import { type LoadedModel, loadModel } from "./loaded-model.ts";
import { RepoMemoryError } from "./protocol/errors.ts";
import { continueChat, countTokens } from "./answer/bare-model.ts";
import type { CountTokensParams, CountTokensResult, GenerateEvent, GenerateParams } from "./protocol/generation.ts";
import { WorkInHand } from "./protocol/work-in-hand.ts";
import type {
  AnswerEvent,
  AskParams,
  CallContext,
  ChangedParams,
  EngineApi,
  EngineOptions,
  ForgetParams,
  ForgetResult,
  IngestParams,
  IngestResult,
  MemoryFile,
  ModelInfo,
  RecallParams,
  RecallResult,
  StatusResult,
  TrainParams,
  TrainResult,
} from "./protocol/requests.ts";
import { DiskBudget } from "./store/disk-budget.ts";
import { forgetStores, latestFiles, latestText, latestTotals } from "./store/stores.ts";
import { SharedCall } from "./protocol/shared-call.ts";
import { UnsavedTexts } from "./ingest/unsaved-texts.ts";
import { trainForFolders } from "./training/train-for-folders.ts";
import { QuestionGate } from "./answer/question-gate.ts";
import { Workspace } from "./workspace.ts";

/** More threads than this only wait for memory. */
const MAX_THREADS = 8;

/** The model is loaded, and downloaded where there is none, by the first call that needs it. */
export class Engine implements EngineApi {
  private readonly options: EngineOptions;
  private readonly log: (line: string) => void;
  private readonly threads: number;
  private readonly opening = new Map<string, SharedCall<Workspace>>();
  /** Those of `opening` that are ready: what only looks must not wait for a download. */
  private readonly workspaces = new Map<string, Workspace>();
  /** Folders whose reading is to wait, also those that are still opening. */
  private readonly paused = new Set<string>();
  /** Folders of which something was forgotten: the next question must not read it again by itself. */
  private readonly forgotten = new Set<string>();
  /** What editors hold unsaved, also for folders that are not open, or are opened again. */
  private readonly unsaved = new UnsavedTexts();
  private readonly closing = new AbortController();
  /** Chats with the bare model: it is closed after the last of their steps. */
  private readonly chats = new WorkInHand();
  private loading: SharedCall<LoadedModel> | undefined;
  private loaded: LoadedModel | undefined;
  private readonly questions = new QuestionGate();
  private readonly budget: DiskBudget;

  private constructor(options: EngineOptions, log: (line: string) => void) {
    this.options = options;
    this.log = log;
    this.budget = new DiskBudget(options.dataDir, options.diskBudgetBytes, log);
    this.threads = options.threads ?? Math.min(MAX_THREADS, availableParallelism());
    // Before a model is loaded: on Linux only threads that are started from here on take it over.
    if (options.priority === "low") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  }

  /** Cheap: reads nothing. @param log gets a line for what a user may want to know later */
  static open(options: EngineOptions, log: (line: string) => void = () => undefined): Promise<Engine> {
    return Promise.resolve(new Engine(options, log));
  }

  async ingest({ folder, open }: IngestParams, context: CallContext): Promise<IngestResult> {
    return (await this.workspace(folder, context)).ingest(context, open);
  }

  async *ask(params: AskParams, context: CallContext): AsyncGenerator<AnswerEvent> {
    yield* (await this.workspace(params.folder, context)).ask(params, context);
  }

  async recall(params: RecallParams, context: CallContext): Promise<RecallResult> {
    return (await this.workspace(params.folder, context)).recall(params, context);
  }

  async *generate(params: GenerateParams, context: CallContext): AsyncGenerator<GenerateEvent> {
    const loaded = await this.model(context);
    const signal = AbortSignal.any([context.signal, this.closing.signal]);
    const leave = this.questions.enter();
    try {
      yield* this.chats.stepwise(continueChat(loaded, params, signal));
    } finally {
      leave();
    }
  }

  async countTokens(params: CountTokensParams, context: CallContext): Promise<CountTokensResult> {
    return countTokens(await this.model(context), params);
  }

  async files(folder: string): Promise<MemoryFile[]> {
    return this.workspaces.get(folder)?.files() ?? latestFiles(this.options.dataDir, folder);
  }

  async fileText(folder: string, path: string): Promise<string | undefined> {
    const open = this.workspaces.get(folder);
    return open ? open.fileText(path) : latestText(this.options.dataDir, folder, path);
  }

  async status(folder: string): Promise<StatusResult> {
    const known = this.workspaces.get(folder)?.status() ?? latestTotals(this.options.dataDir, folder);
    const disk = { storesBytes: this.budget.used(), budgetBytes: this.budget.bytes };
    const device = this.loaded?.device.status ?? { device: `CPU, ${this.threads} threads` };
    return { folder, ...known, ...disk, model: this.loaded?.info, ...device };
  }

  async forget({ folder, paths }: ForgetParams): Promise<ForgetResult> {
    // One that is still opening would come back after it was forgotten.
    const open = await this.opening.get(folder)?.cancel();
    this.workspaces.delete(folder);
    this.opening.delete(folder);
    await open?.close();
    if (paths !== undefined && paths.length > 0) this.forgotten.add(folder);
    return forgetStores(this.options.dataDir, folder, paths);
  }

  models(): Promise<ModelInfo[]> {
    const inUse = this.loaded ? { inUse: this.loaded.info } : {};
    const machine = { home: homedir(), env: process.env, memoryBytes: totalmem() };
    return listModels({ dataDir: this.options.dataDir, ...machine, ...inUse });
  }

  async train({ folders }: TrainParams, context: CallContext): Promise<TrainResult> {
    const { model, encoder } = await this.model(context);
    const { dataDir, secretPatterns = [] } = this.options;
    const signal = AbortSignal.any([context.signal, this.closing.signal]);
    const options = { dataDir, secretPatterns, threads: this.threads, log: this.log };
    return trainForFolders({ model, encoder }, folders, options, { ...context, signal });
  }

  async pause(folder: string): Promise<void> {
    this.paused.add(folder);
    this.workspaces.get(folder)?.pause();
  }

  async resume(folder: string): Promise<void> {
    this.paused.delete(folder);
    this.workspaces.get(folder)?.resume();
  }

  async changed({ folder, files, open }: ChangedParams): Promise<void> {
    this.unsaved.note(folder, files);
    // A folder that nobody has ingested or asked about stays unread.
    await this.workspaces.get(folder)?.changed(files, open);
  }

  /** Cancels what is at work, also a download, and closes the stores. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all([...this.opening.values()].map((opening) => opening.cancel()));
    for (const workspace of this.workspaces.values()) await workspace.close();
    this.workspaces.clear();
    this.opening.clear();
    await this.chats.settled();
    const loaded = await this.loading?.cancel();
    await loaded?.device.close();
    await loaded?.model.close();
    this.loaded = undefined;
  }

  private workspace(folder: string, context: CallContext): Promise<Workspace> {
    let opening = this.opening.get(folder);
    if (!opening?.isUsable) {
      opening = new SharedCall((shared) => this.opened(folder, shared));
      this.opening.set(folder, opening);
    }
    return opening.join(context);
  }

  private async opened(folder: string, context: CallContext): Promise<Workspace> {
    const loaded = await this.model(context);
    const workspace = await this.openWorkspace(folder, loaded);
    if (context.signal.aborted || this.closing.signal.aborted) {
      await workspace.close();
      throw new RepoMemoryError("cancelled", { message: "Cancelled." });
    }
    this.workspaces.set(folder, workspace);
    if (this.paused.has(folder)) workspace.pause();
    await workspace.changed(this.unsaved.of(folder));
    return workspace;
  }

  private openWorkspace(folder: string, loaded: LoadedModel): Promise<Workspace> {
    const { options, threads, log, questions, budget } = this;
    const isCompared = this.forgotten.delete(folder);
    return Workspace.open({ folder, loaded, options, threads, log, questions, budget, isCompared });
  }

  private async model(context: CallContext): Promise<LoadedModel> {
    if (!this.loading?.isUsable) {
      this.loading = new SharedCall((shared) => {
        const signal = AbortSignal.any([shared.signal, this.closing.signal]);
        return loadModel(this.options, this.threads, { ...shared, signal }, this.log);
      });
    }
    this.loaded = await this.loading.join(context);
    return this.loaded;
  }
}
