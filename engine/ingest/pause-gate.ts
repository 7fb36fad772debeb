import { setImmediate } from "node:timers/promises";

/** Why a reading waits. */
export type PauseReason = "user" | "battery";

/** Where a long loop lets others run, waits while it is paused and ends when it is cancelled. */
export class PauseGate {
  readonly #reasons = new Set<PauseReason>();
  #woken = Promise.withResolvers<void>();

  /** What it is paused for; undefined when it is not. What the user wants comes first. */
  get reason(): PauseReason | undefined {
    return this.#reasons.has("user") ? "user" : [...this.#reasons][0];
  }

  pause(reason: PauseReason): void {
    this.#reasons.add(reason);
    this.wake();
  }

  resume(reason: PauseReason): void {
    this.#reasons.delete(reason);
    this.wake();
  }

  /** Has everything that waits look again whether it still has to. */
  wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  /** Lets others run, then waits while `waits` says so. Throws the signal's reason when it is aborted, also while it waits. */
  async pass(signal: AbortSignal, waits: () => boolean): Promise<void> {
    await setImmediate();
    while (!signal.aborted && waits()) await this.woken(signal);
    signal.throwIfAborted();
  }

  /** Resolves at the next `wake`, when `other` does, or when `signal` is aborted. */
  async woken(signal: AbortSignal, other?: Promise<void>): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const abort = (): void => aborted.resolve();
    signal.addEventListener("abort", abort, { once: true });
    if (!signal.aborted) await Promise.race([this.#woken.promise, aborted.promise, ...(other ? [other] : [])]);
    signal.removeEventListener("abort", abort);
  }
}
