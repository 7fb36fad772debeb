import { SingleBar } from "cli-progress";
import type { Progress } from "../protocol/requests.ts";
import { bytes, count, duration } from "./figures.ts";
import { PHASE_NAMES } from "./phase-names.ts";
import { type OutputStream, printable } from "./terminal.ts";

/** Where no terminal draws a bar, a line is written each time so many hundredths more are done. */
const LINE_EVERY_PERCENT = 10;

/** Shows the progress of long calls on standard error: a bar in a terminal, a few lines elsewhere. One call at a time. */
export class ProgressBars {
  readonly #stream: OutputStream;
  #bar: SingleBar | undefined;
  #phase: Progress["phase"] | undefined;
  #lastPercent = 0;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  /** Shows where a call stands; a new phase ends the bar before it. */
  update(progress: Progress): void {
    if (progress.phase !== this.#phase) this.#begin(progress);
    if (this.#bar === undefined) this.#line(progress);
    else {
      this.#bar.setTotal(Math.max(1, progress.total));
      this.#bar.update(progress.done, { text: describe(progress) });
    }
  }

  /** Ends the bar, so that other text starts on a line of its own. */
  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#phase = undefined;
  }

  #begin({ phase, total }: Progress): void {
    this.end();
    this.#phase = phase;
    this.#lastPercent = -LINE_EVERY_PERCENT;
    if (this.#stream.isTTY !== true) return;
    this.#bar = new SingleBar({
      stream: this.#stream,
      format: `${PHASE_NAMES[phase]} {bar} {percentage} % {text}`,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 24,
      hideCursor: false,
      linewrap: false,
      emptyOnZero: true,
      // Ctrl-C is handled by the program, which ends the bar itself.
      gracefulExit: false,
    });
    this.#bar.start(Math.max(1, total), 0, { text: "" });
  }

  #line(progress: Progress): void {
    const percent = progress.total > 0 ? Math.floor((100 * progress.done) / progress.total) : 0;
    if (percent < this.#lastPercent + LINE_EVERY_PERCENT && !(percent === 100 && this.#lastPercent < 100)) return;
    this.#lastPercent = percent;
    this.#stream.write(`${PHASE_NAMES[progress.phase]} ${percent} % ${describe(progress)}\n`);
  }
}

/** "1,200 / 40,000 tokens, 310 tokens/s, 2 min 5 s left, engine/cli.ts" */
function describe({ done, total, unit, rate, secondsLeft, detail }: Progress): string {
  const amount = unit === "bytes" ? `${bytes(done)} / ${bytes(total)}` : `${count(done)} / ${count(total)} ${unit}`;
  const speed = unit === "bytes" ? `${bytes(rate)}/s` : `${count(rate)} ${unit}/s`;
  const parts = [
    amount,
    rate > 0 && unit !== "steps" ? speed : "",
    secondsLeft === undefined ? "" : `${duration(secondsLeft)} left`,
    printable(detail ?? ""),
  ];
  return parts.filter((part) => part !== "").join(", ");
}
