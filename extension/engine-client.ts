import { createBirpc } from "birpc";
import { type Channel, overChannel } from "../engine/protocol/channel.ts";
import { type PlainError, RepoMemoryError } from "../engine/protocol/errors.ts";
import type {
  CountTokensParams,
  CountTokensResult,
  GenerateEvent,
  GenerateParams,
} from "../engine/protocol/generation.ts";
import type {
  AnswerEvent,
  AskParams,
  CallContext,
  ChangedParams,
  EngineApi,
  ForgetParams,
  ForgetResult,
  IngestParams,
  IngestResult,
  MemoryFile,
  ModelInfo,
  Progress,
  RecallParams,
  RecallResult,
  StatusResult,
  TrainParams,
  TrainResult,
} from "../engine/protocol/requests.ts";
import type {
  CallName,
  Calls,
  ClientFunctions,
  EngineFunctions,
  Handshake,
  OpenParams,
  ProgressEvent,
} from "../engine/protocol/rpc.ts";
import { EventQueue } from "./event-queue.ts";
import type { Disposable } from "./observable.ts";

/** What a call may be given: neither is needed. */
type Context = Partial<CallContext>;

/** A call that is not answered yet. */
interface Pending {
  /** What the engine said last about its work on it. */
  progress?: Progress;
  onProgress?: CallContext["onProgress"];
  onAnswer?: (event: AnswerEvent) => void;
  onGenerated?: (event: GenerateEvent) => void;
  fail: (error: Error) => void;
}

/** The engine over RPC. One client speaks to one process; when that dies, every call ends with `engine-died`. */
export class EngineClient implements EngineApi {
  readonly #engine: ReturnType<typeof createBirpc<EngineFunctions, ClientFunctions>>;
  readonly #pending = new Map<number, Pending>();
  readonly #onProgress: (event: ProgressEvent) => void;
  readonly #beforeQuestion = new Set<(folder: string) => void>();
  readonly #afterQuestion = new Set<(folder: string) => void>();
  #lastId = 0;
  #death: RepoMemoryError | undefined;

  /** `onProgress` hears of every call's progress, for views that made none of them. */
  constructor(channel: Channel, onProgress: (event: ProgressEvent) => void, onFault: (error: Error) => void) {
    this.#onProgress = onProgress;
    const functions: ClientFunctions = {
      progress: (event) => this.#progress(event),
      answer: (id, event) => this.#pending.get(id)?.onAnswer?.(event),
      generated: (id, event) => this.#pending.get(id)?.onGenerated?.(event),
    };
    this.#engine = createBirpc<EngineFunctions, ClientFunctions>(functions, {
      ...overChannel(channel),
      eventNames: ["cancel"],
      timeout: -1,
      resolver: (name, resolved) => (Object.hasOwn(functions, name) ? resolved : undefined),
      onGeneralError: (error) => {
        onFault(error);
        return true;
      },
    });
  }

  hello(): Promise<Handshake> {
    return this.#engine.hello();
  }

  ping(): Promise<"pong"> {
    return this.#engine.ping();
  }

  /** Must succeed before any other call. */
  async open(params: OpenParams): Promise<void> {
    await this.#call("open", params);
  }

  ingest(params: IngestParams, context: Context = {}): Promise<IngestResult> {
    return this.#call("ingest", params, context);
  }

  /** Calls back with the folder before a question about it goes out: who holds changes back sends them now. */
  beforeQuestion(listener: (folder: string) => void): Disposable {
    this.#beforeQuestion.add(listener);
    return { dispose: () => void this.#beforeQuestion.delete(listener) };
  }

  /** Calls back with the folder when a question about it is over, however it ended: what its progress said is over, too. */
  afterQuestion(listener: (folder: string) => void): Disposable {
    this.#afterQuestion.add(listener);
    return { dispose: () => void this.#afterQuestion.delete(listener) };
  }

  ask(params: AskParams, context: Context = {}): AsyncGenerator<AnswerEvent> {
    return streamed<AnswerEvent>(context, (own, onAnswer) => {
      return this.#question(params.folder, () => this.#call("ask", params, own, { onAnswer }));
    });
  }

  generate(params: GenerateParams, context: Context = {}): AsyncGenerator<GenerateEvent> {
    return streamed<GenerateEvent>(context, (own, onGenerated) => this.#call("generate", params, own, { onGenerated }));
  }

  countTokens(params: CountTokensParams, context: Context = {}): Promise<CountTokensResult> {
    return this.#call("countTokens", params, context);
  }

  files(folder: string): Promise<MemoryFile[]> {
    return this.#call("files", { folder });
  }

  async fileText(folder: string, path: string): Promise<string | undefined> {
    return (await this.#call("fileText", { folder, path })) ?? undefined;
  }

  recall(params: RecallParams, context: Context = {}): Promise<RecallResult> {
    return this.#question(params.folder, () => this.#call("recall", params, context));
  }

  status(folder: string): Promise<StatusResult> {
    return this.#call("status", { folder });
  }

  forget(params: ForgetParams): Promise<ForgetResult> {
    return this.#call("forget", params);
  }

  models(): Promise<ModelInfo[]> {
    return this.#call("models", {});
  }

  train(params: TrainParams, context: Context = {}): Promise<TrainResult> {
    return this.#call("train", params, context);
  }

  async pause(folder: string): Promise<void> {
    await this.#call("pause", { folder });
  }

  async resume(folder: string): Promise<void> {
    await this.#call("resume", { folder });
  }

  async changed(params: ChangedParams): Promise<void> {
    await this.#call("changed", params);
  }

  async close(): Promise<void> {
    await this.#call("close", {});
  }

  /** Ends every call that waits, and every later one, because the process is gone. */
  die(reason: RepoMemoryError): void {
    this.#death ??= reason;
    for (const { fail } of this.#pending.values()) fail(reason);
  }

  /** Cancels every call that waits for a model to be downloaded: the download goes on while one of them does. */
  stopDownload(): void {
    for (const [id, { progress }] of this.#pending) if (progress?.phase === "download") void this.#engine.cancel(id);
  }

  async #question<T>(folder: string, ask: () => Promise<T>): Promise<T> {
    for (const tell of this.#beforeQuestion) tell(folder);
    try {
      return await ask();
    } finally {
      for (const tell of this.#afterQuestion) tell(folder);
    }
  }

  #progress(event: ProgressEvent): void {
    const pending = this.#pending.get(event.id);
    if (pending) pending.progress = event.progress;
    pending?.onProgress?.(event.progress);
    this.#onProgress(event);
  }

  async #call<N extends CallName>(
    name: N,
    params: Calls[N]["params"],
    { signal, onProgress }: Context = {},
    onEvent: Pick<Pending, "onAnswer" | "onGenerated"> = {},
  ): Promise<Calls[N]["result"]> {
    if (this.#death) throw this.#death;
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    // Made here, so that the stack names who asked; the engine's own words are put in on reply.
    const asker = new Error(`Call "${name}" of the engine`);
    const { promise: death, reject: fail } = Promise.withResolvers<never>();
    this.#pending.set(id, { fail, ...(onProgress && { onProgress }), ...onEvent });
    const cancel = () => void this.#engine.cancel(id);
    signal?.addEventListener("abort", cancel);
    try {
      const reply = await Promise.race([this.#engine.call(id, name, params), death]);
      if (reply.ok) return reply.value;
      throw errorFor(reply.error, asker);
    } finally {
      signal?.removeEventListener("abort", cancel);
      this.#pending.delete(id);
    }
  }
}

/** Runs a call that answers with events; whoever stops reading them early cancels it. */
async function* streamed<E>(
  context: Context,
  call: (context: Context, onEvent: (event: E) => void) => Promise<null>,
): AsyncGenerator<E> {
  const events = new EventQueue<E>();
  const stop = new AbortController();
  const signal = context.signal ? AbortSignal.any([context.signal, stop.signal]) : stop.signal;
  call({ ...context, signal }, (event) => events.push(event)).then(
    () => events.end(),
    (error: unknown) => events.fail(error),
  );
  try {
    yield* events;
  } finally {
    // After the last event this does nothing.
    stop.abort();
  }
}

function errorFor(plain: PlainError, asker: Error): RepoMemoryError {
  const error = RepoMemoryError.fromPlain(plain, asker);
  error.stack = `${error.name}: ${error.message}\n${(asker.stack ?? "").split("\n").slice(1).join("\n")}`;
  return error;
}
