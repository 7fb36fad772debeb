/** Files that wait to be read; each path once. Urgent ones (open in an editor, just changed) come first. */
export class IngestQueue {
  readonly #urgent = new Map<string, number>();
  readonly #normal = new Map<string, number>();

  /** Adds a file at the end, unless it waits already. `bytes` is its size, for estimates. */
  add(path: string, bytes: number): void {
    if (!this.#urgent.has(path)) this.#normal.set(path, bytes);
  }

  /** Adds a file behind the other urgent ones, ahead of all others. */
  prefer(path: string, bytes: number): void {
    this.#normal.delete(path);
    this.#urgent.set(path, bytes);
  }

  /** Takes the next file out. */
  take(): { path: string; urgent: boolean } | undefined {
    for (const [waiting, urgent] of [
      [this.#urgent, true],
      [this.#normal, false],
    ] as const) {
      const [path] = waiting.keys();
      if (path === undefined) continue;
      waiting.delete(path);
      return { path, urgent };
    }
    return undefined;
  }

  clear(): void {
    this.#urgent.clear();
    this.#normal.clear();
  }

  /** Bytes of all waiting files. */
  get bytes(): number {
    let sum = 0;
    for (const waiting of [this.#urgent, this.#normal]) for (const bytes of waiting.values()) sum += bytes;
    return sum;
  }
}
