import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";

import { languageOf } from "./definition-queries.ts";
import type { Definition, ParseReply, ParseRequest } from "./grammar-thread.ts";

/** Counts up when other definitions are found in the same text: files in older stores are then parsed again. */
export const DEFINITIONS_VERSION = 1;

/** Longer files are generated or data. */
const MAX_CHARACTERS = 256 * 1024;

/** The thread ends a parse by itself after two seconds, but some steps of the parser cannot be interrupted. */
const DEADLINE_MS = 4_000;

/** On a busy machine the thread and a grammar take seconds to be ready; no file has a hand in that. */
const START_MS = 60_000;

/** After so long without a question the thread ends. */
const IDLE_MS = 60_000;

/** So many threads may be lost to hostile files; after that no file is parsed any more. */
const MAX_LOST = 8;

/**
 * Finds what files define, with tree-sitter in a thread of its own: there are texts that make the parser hang, run out of memory
 * or break its own module, and none of that may touch the engine. The thread is started when it is first needed.
 */
export class DefinitionFinder {
  readonly #log: (line: string) => void;
  #thread: Worker | undefined;
  #resting: NodeJS.Timeout | undefined;
  #lost = 0;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** The definitions in a file's text, in file order. None for languages that are not known, huge files and such that break the parser. One call at a time. */
  async find(path: string, text: string): Promise<readonly Definition[]> {
    const language = languageOf(path);
    clearTimeout(this.#resting);
    if (language === undefined || text.length > MAX_CHARACTERS || this.#lost >= MAX_LOST) return [];
    try {
      return await this.#ask({ grammar: language.grammar, text });
    } catch (error) {
      this.rest();
      this.#lost++;
      this.#log(`${path}: definitions were not found (${error instanceof Error ? error.message : String(error)}).`);
      return [];
    }
  }

  /** Ends the thread and frees its memory, until it is needed again. */
  rest(): void {
    clearTimeout(this.#resting);
    void this.#thread?.terminate();
    this.#thread = undefined;
  }

  /** Rests when nothing was asked for a while: who types asks every few seconds, and a start takes a tenth of one. */
  restSoon(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.rest(), IDLE_MS).unref();
  }

  #ask(request: ParseRequest): Promise<readonly Definition[]> {
    const thread = (this.#thread ??= startThread());
    const { promise, resolve, reject } = Promise.withResolvers<readonly Definition[]>();
    const late = (): void => reject(new Error("the parser did not end in time"));
    let timer = setTimeout(late, START_MS);
    const heard = (reply: ParseReply): void => {
      if (reply !== "parsing") return resolve(reply);
      clearTimeout(timer);
      timer = setTimeout(late, DEADLINE_MS);
    };
    thread.ref();
    thread.on("message", heard).once("error", reject);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread.postMessage(request);
    return promise.finally(() => {
      clearTimeout(timer);
      thread.off("message", heard).off("error", reject);
      thread.unref(); // idle, it keeps no process alive
    });
  }
}

function startThread(): Worker {
  const thread = new Worker(threadFile());
  thread.on("error", () => undefined); // whoever waits hears of it; nobody else must fail for it
  return thread;
}

/** The build makes a file of its own of the thread, in `dist/`: beside this module's bundle or above its chunk. */
function threadFile(): URL {
  const bundled = ["./grammar-thread.js", "../grammar-thread.js"].map((file) => new URL(file, import.meta.url));
  return bundled.find((file) => existsSync(file)) ?? new URL("./grammar-thread.ts", import.meta.url);
}
