/** How well every head of a model matches every question to every block: what heads are ranked by. */
import { writeBestMatches } from "../graph/token-scores.ts";
import { contrast } from "../retrieval/head-index.ts";
import { floats, floatTensor, Session } from "../runtime/session.ts";

interface HeadShape {
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
}

/** Columns [from, to) of all questions' tokens; `block` is the one that answers it. */
export interface AskedTokens {
  from: number;
  to: number;
  block: number;
}

/**
 * Best matches, by layer: [heads, tokens] for each block, of all questions' tokens and, behind them, those of generic
 * questions. Blocks come one by one, so that no more than one segment's keys are held.
 */
export class HeadMatches {
  readonly #shape: HeadShape;
  readonly #session: Session;
  /** By layer, [kvHeads, headDim, group * tokens]: the group's heads one behind the other. */
  readonly #queries: readonly Float32Array[];
  readonly #tokens: number;
  #asked = 0;
  /** By block, then by layer, [heads, tokens]. */
  readonly #best: Float32Array[][] = [];

  private constructor(shape: HeadShape, session: Session, tokens: number) {
    const width = shape.heads * shape.headDim;
    this.#shape = shape;
    this.#session = session;
    this.#tokens = tokens;
    this.#queries = Array.from({ length: shape.layers }, () => new Float32Array(tokens * width));
  }

  /** @param tokens of all questions together */
  static async open(shape: HeadShape, tokens: number, threads: number): Promise<HeadMatches> {
    return new HeadMatches(
      shape,
      await Session.open(writeBestMatches(shape.kvHeads, shape.headDim), { threads }),
      tokens,
    );
  }

  /** Takes the next question; all are asked before the first block is added. @param queries by layer, un-rotated [tokens, heads * headDim] */
  ask(queries: readonly Float32Array[]): void {
    const { heads, headDim } = this.#shape;
    for (const [layer, own] of queries.entries()) this.#transpose(own, this.#queries[layer] ?? new Float32Array(0));
    this.#asked += (queries[0]?.length ?? 0) / (heads * headDim);
  }

  /** Takes the next block. @param keys by layer, un-rotated [tokens, kvHeads * headDim] */
  async add(keys: readonly Float32Array[]): Promise<void> {
    const { kvHeads, heads, headDim } = this.#shape;
    const dimensions = [kvHeads, headDim, (heads / kvHeads) * this.#tokens];
    const best: Float32Array[] = [];
    for (const [layer, own] of keys.entries()) {
      const queries = floatTensor(this.#queries[layer] ?? new Float32Array(0), dimensions);
      const feeds = { keys: floatTensor(own, [own.length / (kvHeads * headDim), kvHeads * headDim]), queries };
      best.push(floats(await this.#session.run(feeds), "best"));
    }
    this.#best.push(best);
  }

  /**
   * The rank of each question's right block among all, from 1, when a head looks up by itself; the scores are those of
   * `HeadIndex`. Blocks that score the same share their ranks.
   * @param genericFrom the first token of the generic questions, which go up to the last
   */
  ranks(layer: number, head: number, questions: readonly AskedTokens[], genericFrom: number): number[] {
    const rows = this.#best.map((layers) => {
      const best = layers[layer] ?? new Float32Array(0);
      return best.subarray(head * this.#tokens, (head + 1) * this.#tokens);
    });
    const baselines = Float32Array.from(rows, (row) => mean(row.subarray(genericFrom)));
    return questions.map(({ from, to, block }) => {
      const best = new Float32Array(rows.length * (to - from));
      rows.forEach((row, i) => best.set(row.subarray(from, to), i * (to - from)));
      return rankOf(contrast(best, baselines, to - from), block);
    });
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  /** Scales a question's queries of one layer for dot products, and writes them into their columns of `target`. */
  #transpose(queries: Float32Array, target: Float32Array): void {
    const { heads, kvHeads, headDim } = this.#shape;
    const group = heads / kvHeads;
    const width = heads * headDim;
    const scale = 1 / Math.sqrt(headDim);
    for (let from = 0, token = this.#asked; from < queries.length; from += width, token++) {
      for (let column = 0; column < width; column++) {
        const [head, i] = [Math.floor(column / headDim), column % headDim];
        const [kvHead, member] = [Math.floor(head / group), head % group];
        const row = (kvHead * headDim + i) * group + member;
        target[row * this.#tokens + token] = (queries[from + column] ?? 0) * scale;
      }
    }
  }
}

function mean(values: Float32Array): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A score that is no number (a model that overflows) comes last. */
function rankOf(scores: Float32Array, block: number): number {
  const own = scores[block] ?? NaN;
  let rank = 1;
  scores.forEach((score, i) => {
    if (i === block || score < own) return;
    rank += score === own ? 0.5 : 1;
  });
  return rank;
}
