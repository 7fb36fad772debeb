import { RepoMemoryError } from "../protocol/errors.ts";
import { orAborted } from "../protocol/or-aborted.ts";
import type { CallContext, Coverage, IngestResult } from "../protocol/requests.ts";
import { FolderChanges } from "./folder-changes.ts";
import type { WalkOptions } from "./folder-filter.ts";
import { TIER } from "./ingest-queue.ts";
import { IngestWork } from "./ingest-work.ts";
import type { WorkOptions } from "./ingest-work.ts";
import { PauseGate } from "./pause-gate.ts";
import { PowerWatch } from "./power-watch.ts";
import { ProgressMeter } from "./progress-meter.ts";
import { recentFiles } from "./reading-order.ts";
import { checkRelative, isIgnoreFile } from "./relative-path.ts";
import type { WalkedFile } from "./walk.ts";

/**
 * Segments of earlier versions that are kept at least, and as many as the folder has: a branch switch back costs nothing,
 * and the store at most doubles, however much is typed.
 */
const SPARE_SEGMENTS = 256;

/** A question waits for so much that changed, in tokens to encode and bytes to read: a few seconds. Above that, old text goes. */
const MOST_AWAITED = { tokens: 8_192, bytes: 2 ** 20 };

/** What an ingestor works with. */
export interface IngestorOptions extends WalkOptions, WorkOptions {
  /** Absolute real path (`realFolder`). */
  folder: string;
  /** What the store holds is taken as it is, until the next `ingest`. */
  isCompared?: boolean;
  /** Called when something urgent begins; what it returns, when that is done: readings of other folders wait meanwhile. */
  hurry?: () => () => void;
  /** Whether the machine runs on its battery, where reading is to wait for mains power. */
  onBattery?: () => Promise<boolean>;
}

/**
 * Brings a folder's store up to date: reads what changed, has it encoded in batches, and commits. A kill loses one batch at
 * most, and no file is ever half there. One ingestor a folder and process; other processes may write to the same store.
 */
export class Ingestor {
  readonly #options: IngestorOptions;
  readonly #changes: FolderChanges;
  readonly #gate = new PauseGate();
  readonly #power: PowerWatch;
  readonly #work: IngestWork;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<CallContext>();
  #open: readonly string[] = [];
  #running = 0;
  #awaiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Calls of `ingest` that have not ended, and until when the first of them compares. */
  #readings = 0;
  #walk = Promise.withResolvers<void>();
  #isCompared = false;
  /** Tokens that a reading which broke off had still before it. */
  #abandoned = 0;

  constructor(options: IngestorOptions) {
    this.#options = options;
    this.#isCompared = options.isCompared === true;
    this.#changes = new FolderChanges(options.folder, options.store, options);
    this.#power = new PowerWatch(this.#gate, options.onBattery);
    this.#work = new IngestWork(options, this.#changes, this.#gate);
  }

  get state(): "idle" | "ingesting" | "paused" {
    if (this.#gate.reason !== undefined) return "paused";
    return this.#running > 0 ? "ingesting" : "idle";
  }

  /** Whether a call of `ingest` is in work. */
  get isReading(): boolean {
    return this.#readings > 0;
  }

  /** Whether the whole folder was compared with the store, and everything found then is in memory or in work. */
  get isCompared(): boolean {
    return this.#isCompared;
  }

  /** How much of the folder is in memory, in tokens; an estimate while files wait that were not read. */
  coverage(): Coverage {
    const { tokens } = this.#options.store.totals();
    return { tokens, of: tokens + this.#work.tokensLeft + this.#abandoned };
  }

  /** Stops encoding after the batch in work. */
  pause(): void {
    this.#gate.pause("user");
  }

  /** Goes on, also where the battery was the reason to wait. */
  resume(): void {
    this.#power.ignore();
    this.#gate.resume("user");
  }

  /**
   * Compares the whole folder with the store and encodes what changed. `encodedTokens` counts the blocks' tokens, not
   * the headers'. Throws `cancelled`, `store-failed`, `disk-full` and what the encoder throws; what was encoded stays.
   */
  async ingest(context: CallContext, open: readonly string[] = []): Promise<IngestResult> {
    this.#prefer(open);
    if (this.#readings++ === 0) this.#walk = Promise.withResolvers();
    this.#listeners.add(context);
    try {
      return await this.#exclusively(() => this.#ingest(context.signal), context.signal);
    } catch (error) {
      throw RepoMemoryError.from(error);
    } finally {
      this.#listeners.delete(context);
      if (--this.#readings === 0) this.#walk.resolve();
    }
  }

  /**
   * Hints that files changed; with `text`, that an editor holds this unsaved text, which stands for the file's until a hint
   * without text. They are read ahead of all others, those in `open` (what editors show) after them.
   */
  async changed(files: readonly { path: string; text?: string }[], open: readonly string[] = []): Promise<void> {
    for (const { path } of files) checkRelative(path);
    this.#prefer(open);
    for (const { path, text } of files) {
      this.#changes.hint(path, text);
      const bytes = text?.length ?? this.#options.store.file(path)?.size ?? 0;
      this.#work.queue.add(path, bytes, TIER.changed);
      // Other files may be wanted now: the next question compares the whole folder.
      if (isIgnoreFile(path)) this.#isCompared = false;
    }
    this.#hasten();
  }

  /** While a reading goes on whose comparison is over: what changed since in files that the store knows is read first. */
  async recheck(signal: AbortSignal): Promise<void> {
    for (const { path, bytes } of await this.#changes.outdated(signal)) this.#work.queue.add(path, bytes, TIER.changed);
    this.#hasten();
  }

  /** Resolves when the comparison of the reading in work, if there is one, has found what changed, or broke off. */
  async walked(): Promise<void> {
    if (this.isReading) await this.#walk.promise;
  }

  /** Resolves when something may have been committed, paused or ended, or `signal` is aborted. */
  async stepped(signal: AbortSignal): Promise<void> {
    await this.#gate.woken(signal);
  }

  /**
   * Resolves when nothing that was said before is in memory any more: changed files are encoded first, also while a reading is
   * paused. Where that would take long, their old text is taken out of memory instead.
   */
  async fresh(signal: AbortSignal): Promise<void> {
    this.#work.hurry(this.#changes.displaced());
    this.#awaiting++;
    try {
      while (this.#work.isUrgent) {
        const { tokens, bytes } = this.#work.urgent;
        if (tokens > MOST_AWAITED.tokens || bytes > MOST_AWAITED.bytes) return this.#work.setAside();
        this.#hasten();
        await this.#gate.woken(signal);
        signal.throwIfAborted();
      }
    } finally {
      this.#awaiting--;
    }
  }

  /** Resolves when nothing is in work any more. */
  async settled(): Promise<void> {
    while (this.#running > 0) await this.#last;
  }

  /** Ends what `changed` set off; the store stays open. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#power.release();
    await this.settled();
    this.#work.rest();
  }

  async #ingest(signal: AbortSignal): Promise<IngestResult> {
    const started = performance.now();
    this.#work.meter = new ProgressMeter(() => performance.now());
    this.#power.heed();
    // A walk over a large folder takes a while before there is anything to count.
    this.#tell();
    await this.#drain(signal, () => this.#compare(AbortSignal.any([signal, this.#closing.signal])));
    const seconds = (performance.now() - started) / 1000;
    const { meter } = this.#work;
    return { ...this.#options.store.totals(), encodedTokens: meter.done, skipped: this.#changes.skipped(), seconds };
  }

  /** Fills the queue with what is new or changed. What is urgent is not kept waiting by a long walk. */
  async #compare(signal: AbortSignal): Promise<void> {
    try {
      const added: WalkedFile[] = [];
      const { queue } = this.#work;
      await this.#changes.reconcile(signal, async (file, isKnown) => {
        if (isKnown) queue.add(file.path, file.size, TIER.changed);
        else added.push(file);
        while (this.#work.isUrgent && !this.#waits()) await this.#step(signal);
      });
      const sizes = new Map(added.map(({ path, size }) => [path, size]));
      for (const path of [...this.#open, ...recentFiles(added)])
        if (sizes.has(path)) queue.add(path, sizes.get(path) ?? 0, TIER.recent);
      for (const { path, size } of added) queue.add(path, size, TIER.rest);
      this.#isCompared = true;
      this.#abandoned = 0;
    } finally {
      this.#walk.resolve();
    }
  }

  /** Works until nothing waits, after `before`. */
  async #drain(callers: AbortSignal, before: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const signal = AbortSignal.any([callers, this.#closing.signal]);
    try {
      await before();
      while (await this.#step(signal)) this.#tell();
      this.#tell();
      const { store, budget } = this.#options;
      store.pruneUnused(Math.max(SPARE_SEGMENTS, store.totals().segments));
      await budget?.check(store);
    } catch (error) {
      this.#breakOff(RepoMemoryError.from(error));
    } finally {
      this.#work.restSoon();
    }
  }

  /** The next question compares again what is missing; what had changed goes on without the one who gave up. */
  #breakOff(error: RepoMemoryError): never {
    this.#isCompared = false;
    this.#abandoned = this.#work.tokensLeft;
    if (error.code !== "cancelled") this.#work.setAside();
    this.#work.dropUnhurried();
    throw error;
  }

  async #step(signal: AbortSignal): Promise<boolean> {
    if (!this.#work.isUrgent) await this.#power.check();
    if (this.#gate.reason === "battery") this.#tell();
    await this.#gate.pass(signal, () => this.#waits());
    const leave = this.#work.isUrgent ? this.#options.hurry?.() : undefined;
    try {
      return await this.#work.step(signal);
    } finally {
      leave?.();
      this.#gate.wake(); // who waits for something to be fresh looks again
    }
  }

  /** Changed files are read on battery too; while the user wants a pause, only for a question. */
  #waits(): boolean {
    const { reason } = this.#gate;
    return reason !== undefined && !(this.#work.isUrgent && (reason === "battery" || this.#awaiting > 0));
  }

  /** Sets the loop going unless it is, and has it look at what came in. */
  #hasten(): void {
    this.#gate.wake();
    if (this.#running > 0 || this.#closing.signal.aborted) return;
    this.#exclusively(() => this.#drain(this.#closing.signal)).catch((error: unknown) => {
      this.#options.log?.(`Changed files could not be read: ${RepoMemoryError.from(error).message}`);
    });
  }

  #prefer(open: readonly string[]): void {
    for (const path of open) checkRelative(path);
    if (open.length > 0) this.#open = [...open];
    for (const path of open) this.#work.queue.promote(path, TIER.recent);
  }

  /** Runs after everything asked for before has ended; with `signal`, its wait can be given up. */
  #exclusively<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#running++;
    const before = this.#last;
    const turn = signal ? orAborted(before, signal) : before;
    const result = turn.then(work).finally(() => {
      this.#running--;
      // What changed meanwhile outlives a reading that was given up.
      if (this.#running === 0 && this.#work.isUrgent) this.#hasten();
      else if (this.#running === 0) this.#gate.wake();
    });
    this.#last = Promise.allSettled([before, result]);
    return result;
  }

  #tell(): void {
    const { progress } = this.#work;
    for (const { onProgress } of this.#listeners) onProgress(progress);
  }
}
