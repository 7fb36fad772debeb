import { argmax, klDivergence, logSoftmax } from "../../engine/inference/logits.ts";

/** Compares logits with a reference's, some rows at a time. */
export class LogitsComparison {
  private readonly vocabulary: number;
  private rows = 0;
  private divergence = 0;
  private sameTop = 0;
  /** Summed log-probabilities of the tokens that really came next, and how many those are. */
  private readonly likelihood = { reference: 0, own: 0, tokens: 0 };

  constructor(vocabulary: number) {
    this.vocabulary = vocabulary;
  }

  /** Adds rows, [rows, vocabulary] each. @param next the token that follows each row in the text, where one does */
  add(reference: Float32Array, own: Float32Array, next: ArrayLike<number> = []): void {
    if (reference.length !== own.length) throw new RangeError("Reference and own logits have different sizes");
    for (let row = 0; row < own.length / this.vocabulary; row++) {
      const [from, to] = [row * this.vocabulary, (row + 1) * this.vocabulary];
      this.addRow(reference.subarray(from, to), own.subarray(from, to), next[row]);
    }
  }

  /** Mean Kullback-Leibler divergence from the reference, in nats a token. */
  get kl(): number {
    return this.divergence / this.rows;
  }

  /** Share of rows whose likeliest token is the reference's. */
  get sameTopToken(): number {
    return this.sameTop / this.rows;
  }

  get perplexity(): number {
    return Math.exp(-this.likelihood.own / this.likelihood.tokens);
  }

  get referencePerplexity(): number {
    return Math.exp(-this.likelihood.reference / this.likelihood.tokens);
  }

  private addRow(reference: Float32Array, own: Float32Array, next: number | undefined): void {
    this.rows++;
    this.divergence += klDivergence(reference, own, this.vocabulary);
    if (argmax(reference) === argmax(own)) this.sameTop++;
    if (next === undefined) return;
    this.likelihood.reference += logSoftmax(reference)[next] ?? NaN;
    this.likelihood.own += logSoftmax(own)[next] ?? NaN;
    this.likelihood.tokens++;
  }
}
