import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext, IngestResult } from "../protocol/requests.ts";
import { orAborted } from "../protocol/or-aborted.ts";
import { SharedCall } from "../protocol/shared-call.ts";
import type { Ingestor } from "./ingestor.ts";

/** A question waits for so many tokens that nobody has read yet: some seconds. More is read while it is answered. */
const AWAITED_TOKENS = 8_192;

/**
 * Brings a folder up to date before a question: the first one in a process compares the folder with its memory. What changed is
 * always encoded first; what is new only where it is little, or where there is nothing else to answer from.
 */
export class CatchUp {
  readonly #ingestor: Ingestor;
  readonly #log: (line: string) => void;
  /** Waits for readings that go on without the question that began them. */
  readonly #behind: CallContext;
  #reading: SharedCall<IngestResult> | undefined;

  /** @param closing aborted when the folder is closed */
  constructor(ingestor: Ingestor, log: (line: string) => void, closing: AbortSignal) {
    this.#ingestor = ingestor;
    this.#log = log;
    this.#behind = { signal: closing, onProgress: () => undefined };
  }

  /**
   * @param compare compares also where that was done before: nobody tells of changes
   * @throws RepoMemoryError "cancelled"; and where the memory is empty, why it could not be filled
   */
  async beforeQuestion(context: CallContext, compare = false): Promise<void> {
    const ingestor = this.#ingestor;
    const { signal } = context;
    try {
      const isBehind = !ingestor.isReading && (compare || this.#isEmpty() || !ingestor.isCompared);
      // Who joins a reading that another question began keeps it going when that one gives up.
      if (isBehind || this.#reading?.isWorking) await this.#read(context);
      await orAborted(ingestor.walked(), signal);
      // Files that a reading has behind it may have changed since.
      if (compare && !isBehind) await ingestor.recheck(signal);
      await this.#until(() => !this.#isEmpty() || !ingestor.isReading, signal);
      await ingestor.fresh(signal);
    } catch (error) {
      throw RepoMemoryError.from(error);
    }
  }

  async #read(context: CallContext): Promise<void> {
    const wasEmpty = this.#isEmpty();
    if (!this.#reading?.isWorking) this.#reading = new SharedCall((shared) => this.#ingestor.ingest(shared));
    const reading = this.#reading;
    const leave = new AbortController();
    let isOver = false;
    const own = reading.join({ ...context, signal: AbortSignal.any([context.signal, leave.signal]) });
    const over = own.then(() => undefined).finally(() => (isOver = true));
    try {
      await Promise.race([over, this.#ingestor.walked()]);
      const isShort = wasEmpty || this.#left() <= AWAITED_TOKENS;
      if (isShort) await this.#until(() => isOver, context.signal, over);
    } catch (thrown) {
      const error = RepoMemoryError.from(thrown);
      if (wasEmpty || error.code === "cancelled") throw error;
      // What is in memory is still the best answer that there is.
      this.#log(`What is new could not be read: ${error.message}`);
    }
    // It goes on behind the answer, and its progress is no longer told to who asked.
    reading.join(this.#behind).catch(() => undefined);
    leave.abort();
    over.catch(() => undefined);
  }

  /** Waits, unless the reading is paused: a question must not wait for that to end. */
  async #until(isDone: () => boolean, signal: AbortSignal, over?: Promise<void>): Promise<void> {
    while (!isDone() && this.#ingestor.state !== "paused") {
      await Promise.race([this.#ingestor.stepped(signal), ...(over ? [over] : [])]);
      signal.throwIfAborted();
    }
  }

  #isEmpty(): boolean {
    return this.#ingestor.coverage().tokens === 0;
  }

  #left(): number {
    const { tokens, of } = this.#ingestor.coverage();
    return of - tokens;
  }
}
