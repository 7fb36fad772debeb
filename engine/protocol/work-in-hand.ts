/** Work that must end before what it works on is closed. */
export class WorkInHand {
  readonly #running = new Set<Promise<unknown>>();

  /** The step's result; until then it counts as work in hand. */
  async step<T>(step: Promise<T>): Promise<T> {
    this.#running.add(step);
    try {
      return await step;
    } finally {
      this.#running.delete(step);
    }
  }

  /** The same events; only while one is made there is work in hand: their reader may take as long as it likes between them. */
  async *stepwise<T>(events: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      for (;;) {
        const { value, done } = await this.step(events.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      await events.return(undefined);
    }
  }

  /** Waits for the end of every step that runs now, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
