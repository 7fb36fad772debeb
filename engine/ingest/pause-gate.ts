import { setImmediate } from "node:timers/promises";

/** Where a long loop lets others run, waits while it is paused and ends when it is cancelled. */
export class PauseGate {
  #paused: PromiseWithResolvers<void> | undefined;

  get isPaused(): boolean {
    return this.#paused !== undefined;
  }

  pause(): void {
    this.#paused ??= deferred();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Throws the signal's reason when it is aborted, also while paused. */
  async pass(signal: AbortSignal): Promise<void> {
    await setImmediate();
    while (this.#paused !== undefined && !signal.aborted) await aborted(this.#paused.promise, signal);
    signal.throwIfAborted();
  }
}

/** Resolves when `promise` does or `signal` is aborted. */
async function aborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const abort = deferred();
  signal.addEventListener("abort", () => abort.resolve(), { once: true });
  await Promise.race([promise, abort.promise]);
}

function deferred(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}
