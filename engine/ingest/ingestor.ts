import type { SegmentEncoder } from "../blocks/block.ts";
import type { CodecName } from "../blocks/block-codec.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext, IngestResult, Progress } from "../protocol/requests.ts";
import { codeWords } from "../retrieval/words.ts";
import type { FileCommit, Store } from "../store/store.ts";
import { BatchEncoder } from "./encode-batch.ts";
import { DefinitionFinder } from "./definition-finder.ts";
import { FilePreparer } from "./file-preparer.ts";
import { FolderChanges } from "./folder-changes.ts";
import type { WalkOptions } from "./folder-filter.ts";
import { IngestQueue } from "./ingest-queue.ts";
import { PauseGate } from "./pause-gate.ts";
import { PendingSegments } from "./pending-segments.ts";
import type { PreparedFile } from "./pending-segments.ts";
import { ProgressMeter } from "./progress-meter.ts";

/** So many batches' segments are cut before one is encoded: among them are some that fill it up. */
const BATCHES_AHEAD = 4;

/**
 * Segments of earlier versions that are kept at least, and as many as the folder has: a branch switch back costs nothing,
 * and the store at most doubles, however much is typed.
 */
const SPARE_SEGMENTS = 256;

/** What an ingestor works with. */
export interface IngestorOptions extends WalkOptions {
  /** Absolute real path (`realFolder`). */
  folder: string;
  store: Store;
  encoder: SegmentEncoder;
  /** How keys and values are stored; "int8" by default. */
  codec?: CodecName;
  /** Progress of what `changed` set off. */
  onProgress?: (progress: Progress) => void;
  log?: (line: string) => void;
}

/**
 * Brings a folder's store up to date: reads what changed, has it encoded in batches, and commits. Segments are committed as
 * soon as they are encoded, a file's list of segments when the last of them is: a kill loses one batch at most, and no file is
 * ever half there. One ingestor a folder and process; other processes may write to the same store.
 */
export class Ingestor {
  readonly #store: Store;
  readonly #changes: FolderChanges;
  readonly #definitions: DefinitionFinder;
  readonly #preparer: FilePreparer;
  readonly #batches: BatchEncoder;
  readonly #batchTokens: number;
  readonly #queue = new IngestQueue();
  readonly #pending = new PendingSegments();
  readonly #gate = new PauseGate();
  readonly #closing = new AbortController();
  readonly #options: IngestorOptions;
  #meter = new ProgressMeter(() => performance.now());
  #running = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: IngestorOptions) {
    const { folder, store, encoder } = options;
    this.#options = options;
    this.#store = store;
    this.#changes = new FolderChanges(folder, store, options);
    this.#definitions = new DefinitionFinder(options.log ?? (() => undefined));
    this.#preparer = new FilePreparer(store, encoder, this.#definitions);
    this.#batches = new BatchEncoder(encoder, options.codec ?? "int8");
    this.#batchTokens = encoder.batchTokens;
  }

  get state(): "idle" | "ingesting" | "paused" {
    if (this.#gate.isPaused) return "paused";
    return this.#running > 0 ? "ingesting" : "idle";
  }

  /** Stops encoding after the batch in work. */
  pause(): void {
    this.#gate.pause();
  }

  resume(): void {
    this.#gate.resume();
  }

  /**
   * Compares the whole folder with the store and encodes what changed. `encodedTokens` counts the blocks' tokens, not
   * the headers'. Throws `cancelled`, `store-failed`, `disk-full` and what the encoder throws; what was encoded stays.
   */
  ingest(context: CallContext): Promise<IngestResult> {
    return this.#exclusively(async () => {
      const started = performance.now();
      this.#meter = new ProgressMeter(() => performance.now());
      await this.#changes.reconcile((path, bytes) => this.#queue.add(path, bytes), context.signal);
      await this.#drain(context);
      const seconds = (performance.now() - started) / 1000;
      const encodedTokens = this.#meter.done;
      return { ...this.#store.totals(), encodedTokens, skipped: this.#changes.skipped(), seconds };
    });
  }

  /**
   * Hints that files changed; with `text`, that an editor holds this unsaved text, which stands for the file's until a hint
   * without text. Resolves when the files are queued, ahead of others; `settled` waits until they are in memory.
   */
  async changed(files: readonly { path: string; text?: string }[]): Promise<void> {
    await this.#changes.refreshFilter();
    for (const { path, text } of files) {
      checkRelative(path);
      this.#changes.setOverride(path, text);
      this.#queue.prefer(path, text?.length ?? this.#store.file(path)?.size ?? 0);
    }
    if (this.#running > 0) return; // the loop at work will take them next
    const context = { signal: this.#closing.signal, onProgress: this.#options.onProgress ?? (() => undefined) };
    this.#exclusively(() => this.#drain(context)).catch((error: unknown) => {
      this.#options.log?.(`Changed files could not be read: ${RepoMemoryError.from(error).message}`);
    });
  }

  /** Resolves when nothing is in work any more. */
  async settled(): Promise<void> {
    while (this.#running > 0) await this.#last;
  }

  /** Ends what `changed` set off; the store stays open. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
  }

  /** Runs after everything asked for before has ended. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    const result = this.#last.then(work).finally(() => this.#running--);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Works until nothing waits. */
  async #drain(context: CallContext): Promise<void> {
    const signal = AbortSignal.any([context.signal, this.#closing.signal]);
    try {
      while (await this.#step(signal)) context.onProgress(this.#progress());
      context.onProgress(this.#progress());
      this.#store.pruneUnused(Math.max(SPARE_SEGMENTS, this.#store.totals().segments));
    } catch (error) {
      this.#queue.clear(); // the next ingestion finds again what is missing
      this.#pending.clear();
      throw RepoMemoryError.from(error);
    } finally {
      this.#definitions.rest();
    }
  }

  /** Reads one file or encodes one batch; false when there was nothing to do. */
  async #step(signal: AbortSignal): Promise<boolean> {
    await this.#gate.pass(signal);
    const next = this.#pending.tokens >= BATCHES_AHEAD * this.#batchTokens ? undefined : this.#queue.take();
    if (next !== undefined) await this.#read(next.path, next.urgent);
    else if (!this.#pending.isEmpty) await this.#encodeNext();
    else return false;
    return true;
  }

  async #read(path: string, urgent: boolean): Promise<void> {
    this.#pending.drop(path);
    const found = (await this.#changes.isWanted(path))
      ? await this.#changes.look(path)
      : ({ state: "absent" } as const);
    if (found.state === "changed") await this.#prepare(path, found.read, urgent);
    else if (found.state === "absent") this.#removeUnder(path);
    else if (found.state === "directory") {
      for await (const file of this.#changes.filesUnder(path)) this.#queue.prefer(file.path, file.size);
    }
  }

  async #prepare(path: string, read: Parameters<FilePreparer["prepare"]>[1], urgent: boolean): Promise<void> {
    try {
      const prepared = await this.#preparer.prepare(path, read);
      this.#meter.read(
        read.size,
        prepared.segments.reduce((sum, { tokens }) => sum + tokens, 0),
      );
      if (prepared.missing.length === 0) this.#commit([], [prepared]);
      else this.#pending.add(prepared, urgent);
    } catch (error) {
      if (error instanceof RepoMemoryError && error.code !== "usage") throw error;
      // One strange file must not keep the others out.
      this.#changes.skip(path, `cannot be cut into blocks: ${error instanceof Error ? error.message : String(error)}`);
      this.#removeUnder(path);
    }
  }

  /** Takes a file, or all files of a directory that is gone, out of memory. */
  #removeUnder(path: string): void {
    const gone = this.#store.filesUnder(path);
    for (const file of gone) this.#pending.drop(file);
    this.#store.remove(gone);
  }

  async #encodeNext(): Promise<void> {
    const batch = this.#pending.nextBatch(this.#batchTokens);
    const keys = new Set(batch.keys());
    // Another window may have encoded some of it meanwhile.
    for (const key of keys) if (this.#store.hasSegment(key)) batch.delete(key);
    const segments = batch.size > 0 ? await this.#batches.encode(batch) : [];
    this.#commit(segments, this.#pending.completedBy(keys));
    this.#pending.markStored(keys);
    const tokens = segments.flatMap(({ blocks }) => blocks).reduce((sum, block) => sum + block.tokens, 0);
    this.#meter.stored(tokens);
    await this.#store.ready();
  }

  #commit(segments: Parameters<Store["commit"]>[0], files: readonly PreparedFile[]): void {
    const incomplete = this.#store.commit(segments, files.map(toCommit));
    for (const { file } of files) this.#pending.drop(file.path);
    // Another window pruned a segment between the look and the commit: the file is cut and compared again.
    for (const path of incomplete) this.#queue.add(path, 0);
  }

  #progress(): Progress {
    return this.#meter.progress(this.#pending.tokens, this.#queue.bytes, this.#pending.first);
  }
}

function toCommit({ file, segments }: PreparedFile): FileCommit {
  const pathWords = codeWords(file.path);
  const words = (text: string): string[] => [...pathWords, ...codeWords(text)];
  return { file, segments, words };
}

/** Paths come from other processes: only plain relative ones with `/` name files of the folder. */
function checkRelative(path: string): void {
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || path.includes("\0")) {
    throw new RepoMemoryError("usage", { message: `${JSON.stringify(path)} is not a path relative to the folder.` });
  }
}
