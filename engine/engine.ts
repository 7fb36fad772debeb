/** Everything that Repo Memory can do, in this process. The command line and the child process both use this class. */
import { availableParallelism, homedir } from "node:os";
import { listModels } from "./models/list-models.ts";
import { type LoadedModel, loadModel } from "./loaded-model.ts";
import type {
  AnswerEvent,
  AskParams,
  CallContext,
  EngineApi,
  EngineOptions,
  ForgetParams,
  ForgetResult,
  IngestParams,
  IngestResult,
  ModelInfo,
  RecallParams,
  RecallResult,
  StatusResult,
} from "./protocol/requests.ts";
import { forgetStores, latestTotals } from "./store/stores.ts";
import { orAborted } from "./answer/or-aborted.ts";
import { QuestionGate } from "./answer/question-gate.ts";
import { Workspace } from "./workspace.ts";

/** More threads than this only wait for memory. */
const MAX_THREADS = 8;

/** The model is loaded, and downloaded where there is none, by the first call that needs it. */
export class Engine implements EngineApi {
  private readonly options: EngineOptions;
  private readonly log: (line: string) => void;
  private readonly threads: number;
  private readonly opening = new Map<string, Promise<Workspace>>();
  /** Those of `opening` that are ready: what only looks must not wait for a download. */
  private readonly workspaces = new Map<string, Workspace>();
  /** Folders whose reading is to wait, also those that are still opening. */
  private readonly paused = new Set<string>();
  private readonly closing = new AbortController();
  private loading: Promise<LoadedModel> | undefined;
  private loaded: LoadedModel | undefined;
  private readonly questions = new QuestionGate();

  private constructor(options: EngineOptions, log: (line: string) => void) {
    this.options = options;
    this.log = log;
    this.threads = options.threads ?? Math.min(MAX_THREADS, availableParallelism());
  }

  /** Cheap: reads nothing. @param log gets a line for what a user may want to know later */
  static open(options: EngineOptions, log: (line: string) => void = () => undefined): Promise<Engine> {
    return Promise.resolve(new Engine(options, log));
  }

  async ingest({ folder }: IngestParams, context: CallContext): Promise<IngestResult> {
    return (await this.workspace(folder, context)).ingest(context);
  }

  async *ask(params: AskParams, context: CallContext): AsyncGenerator<AnswerEvent> {
    yield* (await this.workspace(params.folder, context)).ask(params, context);
  }

  async recall(params: RecallParams, context: CallContext): Promise<RecallResult> {
    return (await this.workspace(params.folder, context)).recall(params, context);
  }

  async status(folder: string): Promise<StatusResult> {
    const known = this.workspaces.get(folder)?.status() ?? latestTotals(this.options.dataDir, folder);
    return { folder, ...known, model: this.loaded?.info, device: `CPU, ${this.threads} threads` };
  }

  async forget({ folder, paths }: ForgetParams): Promise<ForgetResult> {
    // One that is still opening would come back after it was forgotten.
    const open = await this.opening.get(folder)?.catch(() => undefined);
    this.workspaces.delete(folder);
    this.opening.delete(folder);
    await open?.close();
    return forgetStores(this.options.dataDir, folder, paths);
  }

  models(): Promise<ModelInfo[]> {
    const inUse = this.loaded ? { inUse: this.loaded.info } : {};
    return listModels({ dataDir: this.options.dataDir, home: homedir(), env: process.env, ...inUse });
  }

  async pause(folder: string): Promise<void> {
    this.paused.add(folder);
    this.workspaces.get(folder)?.pause();
  }

  async resume(folder: string): Promise<void> {
    this.paused.delete(folder);
    this.workspaces.get(folder)?.resume();
  }

  async changed({ folder, files }: { folder: string; files: { path: string; text?: string }[] }): Promise<void> {
    // A folder that nobody has ingested or asked about stays unread.
    await this.workspaces.get(folder)?.changed(files);
  }

  /** Cancels what is at work, also a download, and closes the stores. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled(this.opening.values());
    for (const workspace of this.workspaces.values()) await workspace.close();
    this.workspaces.clear();
    this.opening.clear();
    await this.loaded?.model.close();
    this.loaded = undefined;
  }

  private workspace(folder: string, context: CallContext): Promise<Workspace> {
    const known = this.opening.get(folder);
    if (known) return orAborted(known, context.signal);
    const opening = this.model(context)
      .then((loaded) => this.openWorkspace(folder, loaded))
      .then((workspace) => {
        this.workspaces.set(folder, workspace);
        if (this.paused.has(folder)) workspace.pause();
        return workspace;
      });
    this.opening.set(folder, opening);
    opening.catch(() => this.opening.delete(folder));
    return opening;
  }

  private openWorkspace(folder: string, loaded: LoadedModel): Promise<Workspace> {
    const { options, threads, log, questions } = this;
    return Workspace.open({ folder, loaded, options, threads, log, questions });
  }

  private model(context: CallContext): Promise<LoadedModel> {
    const signal = AbortSignal.any([context.signal, this.closing.signal]);
    this.loading ??= loadModel(this.options, this.threads, { ...context, signal }).then(
      (loaded) => {
        loaded.encoder.beforeRun = () => this.questions.none();
        this.loaded = loaded;
        return loaded;
      },
      (error: unknown) => {
        this.loading = undefined;
        throw error;
      },
    );
    return this.loading;
  }
}
