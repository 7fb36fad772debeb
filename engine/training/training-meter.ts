import type { Progress } from "../protocol/requests.ts";
import type { SourceFile } from "./sources.ts";

/** The whole of a training in steps. */
const STEPS = 1_000;
/** Steps when mining is done, and when all is encoded. */
const MINED = 30;
const ENCODED = 750;

/** Tells how far a training is. The time that is left is judged by what the steps of the same kind took. */
export class TrainingMeter {
  readonly #tell: (progress: Progress) => void;
  #started = { at: 0, done: 0 };

  constructor(tell: (progress: Progress) => void) {
    this.#tell = tell;
  }

  mining({ project, path }: SourceFile): void {
    this.#report(0, `${project}/${path}`);
  }

  /** @param done tokens of `all` */
  encoding(done: number, all: number): void {
    this.#report(MINED + ((ENCODED - MINED) * done) / all, "running questions and code through the model");
  }

  /** @param done layers of `layers`, with a fraction */
  training(layer: number, done: number, layers: number): void {
    this.#report(ENCODED + ((STEPS - ENCODED) * done) / layers, `layer ${layer}`);
  }

  #report(done: number, detail: string): void {
    const now = Date.now();
    if (this.#started.at === 0 && done > MINED) this.#started = { at: now, done };
    const seconds = this.#started.at === 0 ? 0 : (now - this.#started.at) / 1_000;
    const rate = seconds > 0 ? (done - this.#started.done) / seconds : 0;
    const secondsLeft = rate > 0 ? (STEPS - done) / rate : undefined;
    this.#tell({ phase: "train", done: Math.round(done), total: STEPS, unit: "steps", rate, secondsLeft, detail });
  }
}
