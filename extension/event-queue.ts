/** Events that arrive when they like, for one reader that takes them one by one: every event, then the end or the failure. */
export class EventQueue<T> {
  readonly #events: T[] = [];
  #wake = Promise.withResolvers<void>();
  #ended = false;
  #failure: { error: unknown } | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#events.length > 0) yield* this.#events.splice(0);
      if (this.#failure) throw this.#failure.error;
      if (this.#ended) return;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }
}
