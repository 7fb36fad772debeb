/** Lets background work wait while somebody waits for an answer: both share the same cores. */
export class QuestionGate {
  private asked = 0;
  private idle = Promise.withResolvers<void>();

  constructor() {
    this.idle.resolve();
  }

  /** A question is being answered until the returned function is called. */
  enter(): () => void {
    if (this.asked++ === 0) this.idle = Promise.withResolvers<void>();
    return () => {
      if (--this.asked === 0) this.idle.resolve();
    };
  }

  /** Resolves when no question is being answered. */
  none(): Promise<void> {
    return this.idle.promise;
  }
}
