/** When generation ends. */
export interface StoppingOptions {
  endTokens: ReadonlySet<number>;
  /** Tokens that may be generated, the end token not counted. */
  maxTokens: number;
  /** Texts at which generation ends; they are not part of the answer. */
  stopStrings?: readonly string[];
}

/** What one more token means. */
export interface StoppingStep {
  /** Text that may be shown: no part of a stop string. */
  text: string;
  /** Why generation ends here, if it does. */
  finish: "stop" | "length" | undefined;
}

/** Watches generated tokens and their text. Text that may be the start of a stop string is held back until it is clear. */
export class StoppingCriteria {
  readonly #options: StoppingOptions;
  readonly #stops: readonly string[];
  #tokens = 0;
  #held = "";

  constructor(options: StoppingOptions) {
    this.#options = options;
    this.#stops = (options.stopStrings ?? []).filter((stop) => stop !== "");
  }

  /** `text`: the characters that token `id` completed, from `TextStream.push`. */
  push(id: number, text: string): StoppingStep {
    if (this.#options.endTokens.has(id)) return { text: this.#release(), finish: "stop" };
    this.#tokens++;
    this.#held += text;
    const stop = firstIndex(this.#held, this.#stops);
    if (stop !== undefined) return { text: this.#held.slice(0, stop), finish: "stop" };
    if (this.#tokens >= this.#options.maxTokens) return { text: this.#release(), finish: "length" };
    const clear = this.#held.length - longestStart(this.#held, this.#stops);
    const shown = this.#held.slice(0, clear);
    this.#held = this.#held.slice(clear);
    return { text: shown, finish: undefined };
  }

  #release(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }
}

function firstIndex(text: string, stops: readonly string[]): number | undefined {
  const found = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** Length of the longest end of `text` with which a stop string starts. */
function longestStart(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(-length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}
