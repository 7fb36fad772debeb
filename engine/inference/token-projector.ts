/** Hidden states to what the look-up's index keeps of blocks and what a question asks it. */
import { createHash } from "node:crypto";
import { writeBlockProjection, writeQuestionProjection } from "../graph/token-projection.ts";
import { CLIP, type LayerProjection } from "../retrieval/projections.ts";
import type { TokenQueries } from "../retrieval/token-index.ts";
import { floats, floatTensor, Session } from "../runtime/session.ts";

/** A model's projections, ready to run. */
export class TokenProjector {
  /** Names the projections: index entries of another version are made again. */
  readonly version: string;
  readonly layers: readonly number[];
  readonly #hidden: number;
  readonly #block: Session;
  readonly #question: Session;

  private constructor(layers: readonly LayerProjection[], hidden: number, block: Session, question: Session) {
    this.version = versionOf(layers);
    this.layers = layers.map(({ layer }) => layer);
    this.#hidden = hidden;
    this.#block = block;
    this.#question = question;
  }

  /** @param hidden numbers of a hidden state */
  static async open(layers: readonly LayerProjection[], hidden: number, threads: number): Promise<TokenProjector> {
    const sides = (side: "block" | "question") => layers.map((layer) => ({ ...layer, ...layer[side] }));
    const block = await Session.open(writeBlockProjection(sides("block"), hidden, CLIP), { threads });
    const question = await Session.open(writeQuestionProjection(sides("question"), hidden, CLIP), { threads });
    return new TokenProjector(layers, hidden, block, question);
  }

  /** @returns a layer each, [tokens, PROJECTED] from -7 to 7. @param residuals each layer's [tokens, hidden] */
  async blockCodes(residuals: ReadonlyMap<number, Float32Array>): Promise<Int8Array[]> {
    const outputs = await this.#block.run(this.#feeds(residuals));
    return this.layers.map((layer) => {
      const data = outputs[`codes.${layer}`]?.data;
      if (data instanceof Int8Array) return data;
      throw new TypeError(`The projection gave no codes for layer ${layer}`);
    });
  }

  /** @param residuals each layer's [tokens, hidden] of the question */
  async queries(residuals: ReadonlyMap<number, Float32Array>): Promise<TokenQueries[]> {
    const outputs = await this.#question.run(this.#feeds(residuals));
    return this.layers.map((layer) => ({
      queries: floats(outputs, `queries.${layer}`),
      weights: floats(outputs, `weights.${layer}`),
    }));
  }

  async close(): Promise<void> {
    await Promise.all([this.#block.close(), this.#question.close()]);
  }

  #feeds(residuals: ReadonlyMap<number, Float32Array>) {
    return Object.fromEntries(
      this.layers.map((layer) => {
        const states = residuals.get(layer);
        if (!states) throw new RangeError(`No hidden states of layer ${layer}`);
        return [`residual.${layer}`, floatTensor(states, [1, states.length / this.#hidden, this.#hidden])];
      }),
    );
  }
}

function versionOf(layers: readonly LayerProjection[]): string {
  const hash = createHash("sha256");
  for (const { layer, question, block, tokenWeight, steps } of layers) {
    hash.update(`layer ${layer}`);
    for (const side of [question, block]) {
      hash.update(side.mean).update(side.inverseDeviation).update(side.weight);
    }
    hash.update(tokenWeight).update(steps);
  }
  return `projections ${hash.digest("hex").slice(0, 16)}`;
}
