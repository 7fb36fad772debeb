import type { PauseGate } from "./pause-gate.ts";

/** How often the power supply is looked at. A look reads a few small files. */
const LOOK_MS = 20_000;

/** Holds a reading up while the machine runs on its battery. */
export class PowerWatch {
  readonly #gate: PauseGate;
  readonly #onBattery: (() => Promise<boolean>) | undefined;
  readonly #lookMs: number;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #ignored = false;

  /** Without `onBattery` it never holds anything up. */
  constructor(gate: PauseGate, onBattery: (() => Promise<boolean>) | undefined, lookMs = LOOK_MS) {
    this.#gate = gate;
    this.#onBattery = onBattery;
    this.#lookMs = lookMs;
  }

  /** Looks at the power supply, unless that was done a moment ago; while it is the battery, looks again from time to time. */
  async check(): Promise<void> {
    if (this.#onBattery === undefined || this.#ignored || performance.now() < this.#next) return;
    this.#next = performance.now() + this.#lookMs;
    if ((await this.#onBattery()) && !this.#ignored) this.#hold();
    else this.release();
  }

  /** The user wants it read now: the battery no longer matters, until `heed`. */
  ignore(): void {
    this.#ignored = true;
    this.release();
  }

  heed(): void {
    this.#ignored = false;
    this.#next = 0;
  }

  release(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#gate.resume("battery");
  }

  #hold(): void {
    this.#gate.pause("battery");
    this.#timer ??= setInterval(() => void this.check(), this.#lookMs).unref();
  }
}
