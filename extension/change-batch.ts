import type { ChangedParams } from "../engine/protocol/requests.ts";
import type { Disposable } from "./observable.ts";

/** Changes within this many milliseconds go to the engine together. */
const WINDOW = 300;

/** An unsaved editor's text is sent when typing rested for this many milliseconds. */
const TYPING_PAUSE = 400;

/** More files than this at once (a branch switch, an install) are cheaper told as "look again". */
const MOST_FILES = 1000;

/** What a batch is given. `schedule` can be replaced by a test's. */
export interface ChangeBatchOptions {
  send: (files: ChangedParams["files"]) => void;
  /** Too much changed to name: compare the folder with the memory. */
  lookAgain: () => void;
  schedule?: (action: () => void, milliseconds: number) => Disposable;
}

/** Gathers one folder's changes: each file once, the newest state only. */
export class ChangeBatch {
  readonly #options: ChangeBatchOptions;
  readonly #typing = new Map<string, { timer: Disposable; rested: () => void }>();
  readonly #changed = new Map<string, string | undefined>();
  /** Files whose editors' texts the engine has in place of the disk's. */
  readonly #held = new Set<string>();
  #timer: Disposable | undefined;

  constructor(options: ChangeBatchOptions) {
    this.#options = options;
  }

  /** A file changed on disk, appeared or went; or its editor now shows what is on disk. */
  onDisk(path: string): void {
    this.#typing.get(path)?.timer.dispose();
    this.#typing.delete(path);
    this.#add(path, undefined);
  }

  /** An editor's text differs from the disk's; `text` is read when typing rests, undefined when it is too long to send. */
  inEditor(path: string, text: () => string | undefined): void {
    this.#typing.get(path)?.timer.dispose();
    const rested = () => {
      this.#typing.delete(path);
      this.#add(path, text());
    };
    this.#typing.set(path, { rested, timer: this.#schedule(rested, TYPING_PAUSE) });
  }

  /** The engine was told of these files' unsaved texts by other ways. */
  holds(paths: readonly string[]): void {
    for (const path of paths) this.#held.add(path);
  }

  /** Sends all that waits, also what is being typed: somebody asks a question now. */
  sendNow(): void {
    for (const { timer, rested } of this.#typing.values()) {
      timer.dispose();
      rested();
    }
    this.#timer?.dispose();
    if (this.#changed.size > 0) this.#flush();
    this.#timer = undefined;
  }

  dispose(): void {
    for (const { timer } of this.#typing.values()) timer.dispose();
    this.#timer?.dispose();
  }

  #add(path: string, text: string | undefined): void {
    this.#changed.set(path, text);
    this.#timer ??= this.#schedule(() => this.#flush(), WINDOW);
  }

  #flush(): void {
    this.#timer = undefined;
    const files = [...this.#changed].map(([path, text]) => (text === undefined ? { path } : { path, text }));
    this.#changed.clear();
    const isMuch = files.length > MOST_FILES;
    if (isMuch) this.#options.lookAgain();
    // What editors hold, or held, is not found by a look at the disk.
    const named = isMuch ? files.filter(({ path, text }) => text !== undefined || this.#held.has(path)) : files;
    if (named.length > 0) this.#options.send(named);
    for (const { path, text } of named) {
      if (text === undefined) this.#held.delete(path);
      else this.#held.add(path);
    }
  }

  #schedule(action: () => void, milliseconds: number): Disposable {
    if (this.#options.schedule) return this.#options.schedule(action, milliseconds);
    const timer = setTimeout(action, milliseconds);
    return { dispose: () => clearTimeout(timer) };
  }
}
