import { createBirpc } from "birpc";
import { type Channel, overChannel } from "./protocol/channel.ts";
import { RepoMemoryError } from "./protocol/errors.ts";
import type { CallContext, EngineApi, EngineOptions } from "./protocol/requests.ts";
import type { CallName, Calls, ClientFunctions, EngineFunctions, Handshake, Reply } from "./protocol/rpc.ts";
import { PROTOCOL_VERSION } from "./protocol/rpc.ts";
import { parameterSchemas, parseParams } from "./parameters.ts";

/** Opens an engine; `Engine.open`, or what a test puts in its place. */
export type OpenEngine = (options: EngineOptions) => Promise<EngineApi>;

/** Where an engine comes from, and what is done after its last call. */
export interface ServerOptions {
  open: OpenEngine;
  /** Folder for stores and models where the caller names none. */
  defaultDataDir: string;
  onClosed: () => void;
}

type Handlers = { [N in CallName]: (params: unknown, context: CallContext) => Promise<Calls[N]["result"]> };

/** What a process says of itself before anything else is asked of it. */
export function handshake(): Handshake {
  const { node, napi } = process.versions;
  return { protocol: PROTOCOL_VERSION, pid: process.pid, node, napi: Number(napi ?? 0) };
}

/** Answers an engine's RPC over `channel`, whatever carries it. Knows nothing of processes and threads. */
export function serveEngine(channel: Channel, options: ServerOptions): void {
  // oxlint-disable-next-line no-new -- it lives as long as the channel that it listens to
  new EngineServer(channel, options);
}

class EngineServer {
  readonly #options: ServerOptions;
  readonly #running = new Map<number, AbortController>();
  readonly #client: ReturnType<typeof createBirpc<ClientFunctions, EngineFunctions>>;
  #engine: EngineApi | undefined;

  constructor(channel: Channel, options: ServerOptions) {
    this.#options = options;
    const functions: EngineFunctions = {
      hello: async () => handshake(),
      ping: async () => "pong",
      call: (id, name, params) => this.#call(id, name, params),
      cancel: (id) => this.#running.get(id)?.abort(),
    };
    this.#client = createBirpc<ClientFunctions, EngineFunctions>(functions, {
      ...overChannel(channel),
      eventNames: ["progress", "answer", "generated"],
      timeout: -1,
      resolver: (name, resolved) => (Object.hasOwn(functions, name) ? resolved : undefined),
      onGeneralError: reportAndGoOn,
    });
  }

  async #call<N extends CallName>(id: number, name: N, params: unknown): Promise<Reply<Calls[N]["result"]>> {
    const abort = new AbortController();
    try {
      if (!Object.hasOwn(parameterSchemas, name)) throw usage(`The engine has no call "${name}".`);
      if (!Number.isSafeInteger(id) || this.#running.has(id)) throw usage("Every call needs a number of its own.");
      this.#running.set(id, abort);
      const value = await this.#handlers(id)[name](params, this.#context(id, name, params, abort.signal));
      return { ok: true, value };
    } catch (error) {
      return { ok: false, error: RepoMemoryError.from(error).toPlain() };
    } finally {
      if (this.#running.get(id) === abort) this.#running.delete(id);
    }
  }

  #context(id: number, call: CallName, params: unknown, signal: AbortSignal): CallContext {
    const folder = folderOf(params);
    return {
      signal,
      onProgress: (progress) => {
        void this.#client.progress({ id, call, progress, ...(folder === undefined ? {} : { folder }) });
      },
    };
  }

  #handlers(id: number): Handlers {
    const engine = () => this.#opened();
    return {
      open: (params) => this.#open(params),
      ingest: async (params, context) => engine().ingest(parseParams("ingest", params), context),
      ask: (params, context) => this.#ask(id, params, context),
      recall: async (params, context) => engine().recall(parseParams("recall", params), context),
      generate: (params, context) => this.#generate(id, params, context),
      countTokens: async (params, context) => engine().countTokens(parseParams("countTokens", params), context),
      files: async (params) => engine().files(parseParams("files", params).folder),
      fileText: async (params) => {
        const { folder, path } = parseParams("fileText", params);
        return (await engine().fileText(folder, path)) ?? null;
      },
      status: async (params) => engine().status(parseParams("status", params).folder),
      forget: async (params) => engine().forget(parseParams("forget", params)),
      models: async () => engine().models(),
      train: async (params, context) => engine().train(parseParams("train", params), context),
      pause: async (params) => nothing(engine().pause(parseParams("pause", params).folder)),
      resume: async (params) => nothing(engine().resume(parseParams("resume", params).folder)),
      changed: async (params) => nothing(engine().changed(parseParams("changed", params))),
      close: () => this.#close(),
    };
  }

  async #open(params: unknown): Promise<null> {
    const options = parseParams("open", params);
    if (this.#engine) throw usage("The engine is open already.");
    this.#engine = await this.#options.open({ dataDir: this.#options.defaultDataDir, ...options });
    return null;
  }

  async #ask(id: number, params: unknown, context: CallContext): Promise<null> {
    for await (const event of this.#opened().ask(parseParams("ask", params), context)) {
      await this.#client.answer(id, event);
    }
    return null;
  }

  async #generate(id: number, params: unknown, context: CallContext): Promise<null> {
    for await (const event of this.#opened().generate(parseParams("generate", params), context)) {
      await this.#client.generated(id, event);
    }
    return null;
  }

  async #close(): Promise<null> {
    for (const abort of this.#running.values()) abort.abort();
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.close();
    // After the reply: birpc posts it in the microtasks that follow.
    setImmediate(this.#options.onClosed);
    return null;
  }

  #opened(): EngineApi {
    if (!this.#engine) throw usage("The engine is not open: no model is loaded yet.");
    return this.#engine;
  }
}

/** A message that cannot be read is dropped: its sender is at fault, and the other calls go on. */
export function reportAndGoOn(error: Error): true {
  console.error(`engine: ${error.message}`);
  return true;
}

async function nothing(done: Promise<void>): Promise<null> {
  await done;
  return null;
}

function usage(message: string): RepoMemoryError {
  return new RepoMemoryError("usage", { message });
}

/** Read before the parameters are checked, and only to label progress. */
function folderOf(params: unknown): string | undefined {
  if (typeof params !== "object" || params === null || !("folder" in params)) return undefined;
  return typeof params.folder === "string" ? params.folder : undefined;
}
