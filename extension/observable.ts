/** What ends a subscription or a resource; VS Code takes it wherever it wants a `Disposable`. */
export interface Disposable {
  dispose(): void;
}

/** A value that others follow. */
export class Observable<T> {
  readonly #listeners = new Set<(value: T) => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    for (const listener of this.#listeners) listener(value);
  }

  /** Calls back on every later change, not with the present value. */
  onChange(listener: (value: T) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }
}
