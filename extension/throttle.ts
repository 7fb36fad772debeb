/** At most one run in this many milliseconds: what changes faster, nobody can read. */
const INTERVAL = 100;

/** Runs an action soon after it is asked for, however often that is. */
export class Throttle {
  readonly #action: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(action: () => void) {
    this.#action = action;
  }

  request(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#action();
    }, INTERVAL);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
