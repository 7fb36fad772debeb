/**
 * The compressive memory of Infini-attention (arXiv 2404.07143), with the linear rule: a sum over entries, so that it has the same
 * size for any number of them, does not depend on their order, and gives back what is taken out.
 */
import { writeInfiniEntries } from "../graph/infini-graph.ts";
import type { KvShape, LayerKv } from "../blocks/block.ts";
import type { ModelConfig } from "../models/model-source.ts";
import { type Feeds, floats, floatTensor, Session } from "../runtime/session.ts";
import { type InfiniWeights, trailFeeds } from "./infini-weights.ts";

/**
 * Sums of all layers, each its matrices [kvHeads, headDim, headDim] and then its masses [kvHeads, headDim]. In double precision, so that
 * a file that is taken out of a million tokens leaves nothing behind; the model reads it in single precision.
 */
export class CompressiveMemory {
  readonly sums: Float64Array;
  private readonly shape: Pick<KvShape, "kvHeads" | "headDim">;
  private readonly layers: readonly number[];

  /** @param sums as another memory of the same layers had them; empty without */
  constructor(layers: readonly number[], { kvHeads, headDim }: KvShape, sums?: Float64Array) {
    this.layers = layers;
    this.shape = { kvHeads, headDim };
    const size = layers.length * this.layerSize;
    if (sums && sums.length !== size) throw new RangeError(`${sums.length} numbers for a memory of ${size}`);
    this.sums = sums ?? new Float64Array(size);
  }

  private get layerSize(): number {
    const { kvHeads, headDim } = this.shape;
    return kvHeads * headDim * (headDim + 1);
  }

  /** Adds a share `copies` times; a negative count takes it out. */
  add(share: Float32Array, copies: number): void {
    for (const [i, value] of share.entries()) this.sums[i]! += copies * value;
  }

  /** `matrix` and `mass` of each layer, as the attention graph takes them. */
  feeds(): Map<number, Feeds> {
    const { kvHeads, headDim } = this.shape;
    const matrix = kvHeads * headDim * headDim;
    return new Map(
      this.layers.map((layer, i) => {
        const at = i * this.layerSize;
        const part = (from: number, to: number) => Float32Array.from(this.sums.subarray(at + from, at + to));
        return [
          layer,
          {
            matrix: floatTensor(part(0, matrix), [kvHeads, headDim, headDim]),
            mass: floatTensor(part(matrix, this.layerSize), [kvHeads, headDim]),
          },
        ];
      }),
    );
  }
}

/** Makes shares: what a segment adds to each layer's memory. */
export class ShareMaker {
  readonly layers: readonly number[];
  private readonly weights: InfiniWeights;
  private readonly session: Session;

  private constructor(weights: InfiniWeights, session: Session) {
    this.weights = weights;
    this.layers = [...weights.layers.keys()];
    this.session = session;
  }

  static async open(config: ModelConfig, weights: InfiniWeights, threads: number): Promise<ShareMaker> {
    return new ShareMaker(weights, await Session.open(writeInfiniEntries(config), { threads }));
  }

  /**
   * The share of one segment, laid out as `CompressiveMemory.sums`. Its first `tokens` rows of `kv` are its own, in order, un-rotated; what
   * is equal gives equal bits.
   */
  async share(kv: LayerKv, tokens: number, shape: KvShape): Promise<Float32Array> {
    const { kvHeads, headDim } = shape;
    const width = kvHeads * headDim;
    const share = new Float32Array(this.layers.length * width * (headDim + 1));
    // A single token has no token before it.
    if (tokens < 2) return share;
    const { trail } = trailFeeds(this.weights.decay, tokens);
    for (const [i, [layer, { write }]] of [...this.weights.layers].entries()) {
      const rows = (all: Float32Array | undefined) =>
        floatTensor((all ?? new Float32Array(0)).subarray(0, tokens * width), [tokens, width]);
      const texts = { keys: rows(kv.keys[layer]), values: rows(kv.values[layer]), ...(trail && { trail }) };
      const outputs = await this.session.run({ ...write, ...texts });
      share.set(floats(outputs, "added_matrix"), i * width * (headDim + 1));
      share.set(floats(outputs, "added_mass"), i * width * (headDim + 1) + width * headDim);
    }
    return share;
  }

  close(): Promise<void> {
    return this.session.close();
  }
}
