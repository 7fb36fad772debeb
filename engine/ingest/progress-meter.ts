import type { Progress } from "../protocol/requests.ts";

/** The rate is that of the last so many milliseconds. */
const WINDOW_MS = 10_000;

/** Source code in a small model's vocabulary, until the folder itself tells. */
const BYTES_PER_TOKEN = 3.5;

/** Counts tokens of one ingestion: what is durable, what is left, how fast. The total is an estimate that gets better. */
export class ProgressMeter {
  readonly #now: () => number;
  readonly #samples: { at: number; done: number }[];
  #done = 0;
  #readBytes = 0;
  #readTokens = 0;

  /** `now` in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#samples = [{ at: now(), done: 0 }];
  }

  /** Tokens that are in the store since the meter began. */
  get done(): number {
    return this.#done;
  }

  /** A file's text was cut: its bytes and tokens say what to expect of the others. */
  read(bytes: number, tokens: number): void {
    this.#readBytes += bytes;
    this.#readTokens += tokens;
  }

  /** So many more tokens are durable. */
  stored(tokens: number): void {
    this.#done += tokens;
    const now = this.#now();
    this.#samples.push({ at: now, done: this.#done });
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? now) < now - WINDOW_MS) this.#samples.shift();
  }

  /** About how many tokens so many bytes are. */
  tokensIn(bytes: number): number {
    return Math.ceil(bytes / this.#bytesPerToken());
  }

  /** The state, given the tokens that wait in files already cut and the bytes of files not yet read. */
  progress(waitingTokens: number, waitingBytes: number, detail: string | undefined): Progress {
    const left = waitingTokens + this.tokensIn(waitingBytes);
    const rate = this.#rate();
    const secondsLeft = left === 0 ? 0 : rate > 0 ? left / rate : undefined;
    const base: Progress = {
      phase: "ingest",
      done: this.#done,
      total: this.#done + left,
      unit: "tokens",
      rate,
      secondsLeft,
    };
    return detail === undefined ? base : { ...base, detail };
  }

  #bytesPerToken(): number {
    return this.#readTokens === 0 ? BYTES_PER_TOKEN : Math.max(1, this.#readBytes / this.#readTokens);
  }

  #rate(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }
}
