import type { SegmentEncoder } from "../blocks/block.ts";
import { type CodecName, DEFAULT_CODEC } from "../blocks/block-codec.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { Progress } from "../protocol/requests.ts";
import { codeWords } from "../retrieval/words.ts";
import type { DiskBudget } from "../store/disk-budget.ts";
import type { FileCommit, Store } from "../store/store.ts";
import { DefinitionFinder } from "./definition-finder.ts";
import { BatchEncoder } from "./encode-batch.ts";
import { FilePreparer } from "./file-preparer.ts";
import type { FolderChanges } from "./folder-changes.ts";
import { importedPaths } from "./import-scan.ts";
import { IndexRenewal } from "./index-renewal.ts";
import { IngestQueue, TIER } from "./ingest-queue.ts";
import type { QueuedFile } from "./ingest-queue.ts";
import type { PauseGate } from "./pause-gate.ts";
import { PendingSegments } from "./pending-segments.ts";
import type { PreparedFile } from "./pending-segments.ts";
import { ProgressMeter } from "./progress-meter.ts";
import type { ReadText } from "./read-text.ts";

/** So many batches' segments are cut before one is encoded: among them are some that fill it up. */
const BATCHES_AHEAD = 4;

/** What the work is done with. */
export interface WorkOptions {
  store: Store;
  encoder: SegmentEncoder;
  /** How keys and values are stored; `DEFAULT_CODEC` by default. */
  codec?: CodecName;
  /** Resolves when nobody waits for an answer; what has not changed under the user's hands waits for that. */
  idle?: () => Promise<void>;
  log?: (line: string) => void;
  /** Kept while the store grows. */
  budget?: DiskBudget;
}

/**
 * The work between a file that waits and its blocks in the store, a step at a time: read a file and cut it, or encode a batch
 * and commit it. Segments are committed as soon as they are encoded, a file's list of segments when the last of them is.
 */
export class IngestWork {
  readonly queue = new IngestQueue();
  meter = new ProgressMeter(() => performance.now());
  readonly #options: WorkOptions;
  readonly #store: Store;
  readonly #changes: FolderChanges;
  readonly #gate: PauseGate;
  readonly #definitions: DefinitionFinder;
  readonly #preparer: FilePreparer;
  readonly #batches: BatchEncoder;
  readonly #renewal: IndexRenewal;
  readonly #pending = new PendingSegments();
  /** The file that is being read: it is neither in the queue nor pending. */
  #inHand: QueuedFile | undefined;

  constructor(options: WorkOptions, changes: FolderChanges, gate: PauseGate) {
    const { store, encoder } = options;
    this.#options = options;
    this.#store = store;
    this.#changes = changes;
    this.#gate = gate;
    this.#definitions = new DefinitionFinder(options.log ?? (() => undefined));
    this.#renewal = new IndexRenewal(store, encoder);
    this.#preparer = new FilePreparer(store, encoder, this.#definitions);
    this.#batches = new BatchEncoder(encoder, options.codec ?? DEFAULT_CODEC);
  }

  /** Whether a file waits or is in work that the memory still has as it was before. */
  get isUrgent(): boolean {
    return [this.queue.first, this.#pending.firstTier, this.#inHand?.tier].includes(TIER.changed);
  }

  /** Tokens of what changed that are still to be encoded, as far as files were cut, and bytes of those that were not. */
  get urgent(): { tokens: number; bytes: number } {
    return { tokens: this.#pending.tokens(TIER.changed), bytes: this.queue.bytesIn(TIER.changed) };
  }

  /** Tokens of the files that are not in memory in their present form; an estimate for those not yet read. */
  get tokensLeft(): number {
    return this.#pending.fileTokens + this.meter.tokensIn(this.queue.bytes);
  }

  get progress(): Progress {
    const detail = this.#gate.reason === "battery" ? "waits for mains power" : this.#pending.first;
    return this.meter.progress(this.#pending.tokens(), this.queue.bytes, detail);
  }

  /** Reads files again, ahead of all others. */
  hurry(files: readonly { path: string; bytes: number }[]): void {
    for (const { path, bytes } of files) this.queue.add(path, bytes, TIER.changed);
  }

  /** Reads one file or encodes one batch; false when there was nothing to do. */
  async step(signal: AbortSignal): Promise<boolean> {
    const next = this.#readsNext() ? this.queue.take() : undefined;
    if (next !== undefined) await this.#read(next);
    else if (this.#pending.firstTier === undefined) return this.#renewIndex(signal);
    else if (await this.#isTime(signal)) await this.#encodeNext();
    return true;
  }

  /** Takes the old versions of changed files out of memory: better an answer without them than one from old text. */
  setAside(): void {
    const waiting = [...this.queue.inTier(TIER.changed), ...this.#pending.pathsIn(TIER.changed)];
    if (this.#inHand) waiting.push(this.#inHand.path);
    this.#store.remove(waiting.flatMap((path) => this.#store.filesUnder(path)));
    for (const path of this.queue.inTier(TIER.changed)) this.queue.relegate(path, TIER.recent);
    this.#pending.relegate(TIER.changed, TIER.recent);
    if (this.#inHand) this.#inHand.tier = TIER.recent;
  }

  /** Forgets what is not urgent; what is begins again. */
  dropUnhurried(): void {
    this.queue.dropUnhurried();
    for (const path of this.#pending.clear(TIER.changed)) this.queue.add(path, 0, TIER.changed);
  }

  /** Frees what only reading needs, once nothing was read for a while. */
  restSoon(): void {
    this.#definitions.restSoon();
  }

  /** Likewise at once. */
  rest(): void {
    this.#definitions.rest();
  }

  /** With nothing left to read: makes index entries again that another version of the look-up made. */
  async #renewIndex(signal: AbortSignal): Promise<boolean> {
    if (this.#renewal.isDone) return false;
    return !(await this.#isTime(signal)) || (await this.#renewal.step()) > 0;
  }

  /** What is more urgent than all that is cut is read at once; else there is enough cut to fill batches. */
  #readsNext(): boolean {
    const [waiting, cut] = [this.queue.first, this.#pending.firstTier];
    if (waiting === undefined || cut === undefined) return waiting !== undefined;
    const ahead = BATCHES_AHEAD * this.#options.encoder.batchTokens;
    return waiting < cut || (waiting === cut || cut > TIER.changed ? this.#pending.tokens() < ahead : false);
  }

  /** Waits until nobody waits for an answer; false as soon as something urgent came up instead. */
  async #isTime(signal: AbortSignal): Promise<boolean> {
    const { idle } = this.#options;
    if (idle === undefined || this.isUrgent) return true;
    let isIdle = false;
    const asked = idle().then(() => void (isIdle = true));
    while (!isIdle && !this.isUrgent && !signal.aborted) await this.#gate.woken(signal, asked);
    signal.throwIfAborted();
    return !this.isUrgent;
  }

  async #read(file: QueuedFile): Promise<void> {
    const { path } = file;
    this.#inHand = file;
    try {
      this.#pending.drop(path);
      const found = (await this.#changes.isWanted(path))
        ? await this.#changes.look(path)
        : ({ state: "absent" } as const);
      if (found.state === "changed") await this.#prepare(file, found.read);
      else if (found.state === "absent") this.#removeUnder(path);
      else if (found.state === "directory") await this.#addUnder(path);
      if ("read" in found && file.tier < TIER.rest) this.#promoteImports(path, found.read.text);
    } finally {
      this.#inHand = undefined;
    }
  }

  async #prepare(file: QueuedFile, read: ReadText): Promise<void> {
    try {
      const prepared = await this.#preparer.prepare(file.path, read);
      this.meter.read(
        read.size,
        prepared.segments.reduce((sum, { tokens }) => sum + tokens, 0),
      );
      if (prepared.missing.length === 0) this.#commit([], [prepared]);
      else this.#pending.add(prepared, file.tier);
    } catch (error) {
      if (error instanceof RepoMemoryError && error.code !== "usage") throw error;
      // One strange file must not keep the others out.
      const reason = error instanceof Error ? error.message : String(error);
      this.#changes.skip(file.path, `cannot be cut into blocks: ${reason}`);
      this.#removeUnder(file.path);
    }
  }

  /** A directory appeared: its new files are no more urgent than others that are worked on. */
  async #addUnder(directory: string): Promise<void> {
    for await (const { path, size } of this.#changes.filesUnder(directory)) {
      this.queue.add(path, size, this.#store.file(path) === undefined ? TIER.recent : TIER.changed);
    }
  }

  #promoteImports(path: string, text: string): void {
    for (const imported of importedPaths(path, text)) this.queue.promote(imported, TIER.near);
  }

  /** Takes a file, or all files of a directory that is gone, out of memory. */
  #removeUnder(path: string): void {
    const gone = this.#store.filesUnder(path);
    for (const file of gone) this.#pending.drop(file);
    this.#store.remove(gone);
  }

  async #encodeNext(): Promise<void> {
    const batch = this.#pending.nextBatch(this.#options.encoder.batchTokens);
    const keys = new Set(batch.keys());
    // Another window may have encoded some of it meanwhile.
    for (const key of keys) if (this.#store.hasSegment(key)) batch.delete(key);
    const segments = batch.size > 0 ? await this.#batches.encode(batch) : [];
    this.#commit(segments, this.#pending.completedBy(keys));
    this.#pending.markStored(keys);
    const tokens = segments.flatMap(({ blocks }) => blocks).reduce((sum, block) => sum + block.tokens, 0);
    this.meter.stored(tokens);
    await this.#store.ready();
    await this.#options.budget?.check(this.#store);
  }

  #commit(segments: Parameters<Store["commit"]>[0], files: readonly PreparedFile[]): void {
    const incomplete = this.#store.commit(segments, files.map(toCommit));
    for (const { file } of files) this.#pending.drop(file.path);
    // Another window pruned a segment between the look and the commit: the file is cut and compared again.
    for (const path of incomplete) this.queue.add(path, 0, TIER.changed);
  }
}

function toCommit({ file, segments }: PreparedFile): FileCommit {
  const pathWords = codeWords(file.path);
  const words = (text: string): string[] => [...pathWords, ...codeWords(text)];
  return { file, segments, words };
}
