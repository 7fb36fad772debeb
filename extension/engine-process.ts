import { RepoMemoryError } from "../engine/protocol/errors.ts";
import type { OpenParams } from "../engine/protocol/rpc.ts";
import { type ChildOptions, type EngineChild, greet, startChild } from "./engine-child.ts";
import type { EngineClient } from "./engine-client.ts";
import { type Disposable, Observable } from "./observable.ts";

/** Waits before a new start, in milliseconds, by how many deaths in a row came before; after the last the user is asked. */
const BACK_OFF = [500, 1000, 2000, 5000, 10_000];

/** A process that lived this long, in milliseconds, was well: its death begins a new row. */
const HEALTHY = 60_000;

/** How long a process may take to end by itself when told to, in milliseconds. */
const FAREWELL = 3000;

/** Where the engine stands. Only `ready` has a client: who needs one must ask for this state. */
export type EngineState =
  | { kind: "stopped" }
  | { kind: "starting" }
  | { kind: "ready"; client: EngineClient; pid: number | undefined }
  | { kind: "restarting"; attempt: number; reason: RepoMemoryError }
  | { kind: "failed"; error: RepoMemoryError };

/** What the supervisor is given; the timers can be replaced by a test's. */
export interface EngineProcessOptions extends ChildOptions {
  /** Read at every start, since settings change. */
  openParams: () => OpenParams;
  now?: () => number;
  schedule?: (action: () => void, milliseconds: number) => Disposable;
}

/** Keeps one engine process running: starts it, opens the engine, starts it again when it dies. */
export class EngineProcess {
  readonly state = new Observable<EngineState>({ kind: "stopped" });
  readonly #options: EngineProcessOptions;
  #child: EngineChild | undefined;
  #retry: Disposable | undefined;
  #deaths = 0;

  constructor(options: EngineProcessOptions) {
    this.#options = options;
  }

  /** Starts the engine unless it runs. */
  async start(): Promise<void> {
    this.#retry?.dispose();
    if (this.state.value.kind === "starting" || this.state.value.kind === "ready") return;
    this.state.set({ kind: "starting" });
    const child = this.#child ?? this.#startChild();
    try {
      await greet(child);
      await child.client.open(this.#options.openParams());
      if (child === this.#child) this.state.set({ kind: "ready", client: child.client, pid: child.pid });
    } catch (error) {
      this.#failed(child, RepoMemoryError.from(error));
    }
  }

  /** Ends the process, if one runs, and starts anew. */
  async restart(): Promise<void> {
    await this.stop();
    this.#deaths = 0;
    await this.start();
  }

  /** Ends the process: politely first, so that stores are closed. */
  async stop(): Promise<void> {
    this.#retry?.dispose();
    const child = this.#child;
    this.#child = undefined;
    this.state.set({ kind: "stopped" });
    if (!child) return;
    const timer = setTimeout(() => child.kill(), FAREWELL);
    child.client.close().catch(() => child.kill());
    await child.exited;
    clearTimeout(timer);
  }

  #startChild(): EngineChild {
    const child = startChild(this.#options);
    const started = this.#now();
    this.#child = child;
    void child.exited.then((reason) => this.#died(child, reason, this.#now() - started));
    return child;
  }

  /** The process lives but could not open the engine: only the user (or another setting) can help. */
  #failed(child: EngineChild, error: RepoMemoryError): void {
    this.#options.log(`${error.code}: ${error.message}`);
    if (child === this.#child && error.code !== "engine-died") this.state.set({ kind: "failed", error });
  }

  #died(child: EngineChild, reason: RepoMemoryError, lifetime: number): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#options.log(reason.message);
    this.#deaths = lifetime >= HEALTHY ? 1 : this.#deaths + 1;
    const wait = BACK_OFF[this.#deaths - 1];
    if (wait === undefined) return this.state.set({ kind: "failed", error: keepsDying(reason) });
    this.state.set({ kind: "restarting", attempt: this.#deaths, reason });
    this.#retry = this.#schedule(() => void this.start(), wait);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #schedule(action: () => void, milliseconds: number): Disposable {
    if (this.#options.schedule) return this.#options.schedule(action, milliseconds);
    const timer = setTimeout(action, milliseconds);
    return { dispose: () => clearTimeout(timer) };
  }
}

function keepsDying(reason: RepoMemoryError): RepoMemoryError {
  return new RepoMemoryError("engine-died", {
    message: `The engine ended ${BACK_OFF.length + 1} times in a row. ${reason.message}`,
    meaning: "It is not started again by itself.",
    remedy: "Look at the log, then restart the engine.",
    cause: reason,
  });
}
