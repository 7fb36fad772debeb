/** How likely a model holds given tokens. */
import { writeTokenLikelihood } from "../graph/token-likelihood.ts";
import { floats, floatTensor, integerTensor, Session } from "../runtime/session.ts";
import type { LanguageModel } from "./language-model.ts";

/** Rows whose logits are in memory together: of some ten megabytes. */
const ROWS = 64;

export class TokenLikelihood {
  readonly #model: LanguageModel;
  readonly #session: Session;

  private constructor(model: LanguageModel, session: Session) {
    this.#model = model;
    this.#session = session;
  }

  static async open(model: LanguageModel, threads: number): Promise<TokenLikelihood> {
    const graph = writeTokenLikelihood(model.config.vocabulary);
    // Logits are not kept for the next question.
    return new TokenLikelihood(model, await Session.open(graph, { threads, isFrugal: true }));
  }

  /** Natural logarithms of the tokens' probabilities. @param hidden [tokens, hidden]; row i predicts token i */
  async of(hidden: Float32Array, tokens: Int32Array): Promise<Float32Array> {
    const { hidden: width, vocabulary } = this.#model.config;
    const likelihoods = new Float32Array(tokens.length);
    for (let from = 0; from < tokens.length; from += ROWS) {
      const asked = tokens.subarray(from, from + ROWS);
      const logits = await this.#model.logits(hidden.subarray(from * width, (from + asked.length) * width));
      const outputs = await this.#session.run({
        logits: floatTensor(logits, [asked.length, vocabulary]),
        tokens: integerTensor(asked, [asked.length, 1]),
      });
      likelihoods.set(floats(outputs, "likelihoods"), from);
    }
    return likelihoods;
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
