import { orAborted } from "./or-aborted.ts";
import type { CallContext, Progress } from "./requests.ts";

/**
 * One piece of long work that several callers wait for. Each hears of its progress and may stop waiting; when the last one
 * has, the work is cancelled.
 */
export class SharedCall<T> {
  readonly #abort = new AbortController();
  readonly #joined = new Set<{ tell: CallContext["onProgress"] }>();
  readonly #work: Promise<T>;
  #state: "working" | "done" | "failed" = "working";
  #latest: Progress | undefined;

  /** Starts `work` at once; its signal is aborted when nobody waits any more. */
  constructor(work: (context: CallContext) => Promise<T>) {
    this.#work = work({ signal: this.#abort.signal, onProgress: (progress) => this.#tell(progress) });
    this.#work.then(
      () => (this.#state = "done"),
      () => (this.#state = "failed"),
    );
  }

  /** Whether who joins now gets a result: the work is done, or goes on. */
  get isUsable(): boolean {
    return this.#state === "done" || this.isWorking;
  }

  get isWorking(): boolean {
    return this.#state === "working" && !this.#abort.signal.aborted;
  }

  /** Waits for the result. @throws what the work throws, or the signal's reason when it is aborted first */
  async join({ signal, onProgress }: CallContext): Promise<T> {
    const own = { tell: onProgress };
    this.#joined.add(own);
    if (this.#latest && this.#state === "working") onProgress(this.#latest);
    try {
      return await orAborted(this.#work, signal);
    } finally {
      this.#joined.delete(own);
      if (this.#joined.size === 0) this.#abort.abort();
    }
  }

  /** Cancels the work, if it is not done, and waits for its end; the result, if there is one all the same. */
  async cancel(): Promise<T | undefined> {
    this.#abort.abort();
    return this.#work.catch(() => undefined);
  }

  #tell(progress: Progress): void {
    this.#latest = progress;
    for (const { tell } of this.#joined) tell(progress);
  }
}
