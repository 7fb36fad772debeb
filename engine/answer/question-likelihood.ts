/**
 * How likely each of some blocks makes a question: the query likelihood of retrieval (Ponte and Croft, 1998; by a language model:
 * arXiv 2204.07496). The model reads the question behind the block's stored keys and values, so it costs as many tokens as the
 * question has, whatever the block's length. It knows that an espresso maker is a coffee machine, which shared words do not tell.
 */
import { BLOCK_TOKENS } from "../blocks/block.ts";
import { openPool } from "../blocks/open-pool.ts";
import type { AttentionWindow } from "../inference/attention-window.ts";
import type { BlockEncoder } from "../inference/block-encoder.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { QUESTION_LEAD } from "../inference/prompt.ts";
import { TokenLikelihood } from "../inference/token-likelihood.ts";
import { BlockLoader } from "../memory/block-window.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";

/** Blocks that one run reads the question behind: more make attention wide, fewer leave the products narrow. */
const SIDE_BY_SIDE = 4;
/** Of a long question, its end: that is where what is asked mostly stands. */
const QUESTION_TOKENS = 64;

/** Reads questions behind single blocks of one workspace. */
export class QuestionLikelihood {
  readonly #model: LanguageModel;
  readonly #encoder: BlockEncoder;
  readonly #loader: BlockLoader;
  readonly #likelihood: TokenLikelihood;

  private constructor(model: LanguageModel, encoder: BlockEncoder, loader: BlockLoader, likelihood: TokenLikelihood) {
    this.#model = model;
    this.#encoder = encoder;
    this.#loader = loader;
    this.#likelihood = likelihood;
  }

  static async open(
    store: Store,
    model: LanguageModel,
    encoder: BlockEncoder,
    { threads, log }: { threads: number; log: (line: string) => void },
  ): Promise<QuestionLikelihood> {
    // Blocks are read once and in order: keeping more than a run's would keep none that is read again.
    const pool = openPool(store, encoder.shape, { log, maxLeaseBlocks: SIDE_BY_SIDE, ramBytes: 0 });
    const likelihood = await TokenLikelihood.open(model, threads);
    return new QuestionLikelihood(model, encoder, new BlockLoader(pool, encoder.shape), likelihood);
  }

  close(): Promise<void> {
    return this.#likelihood.close();
  }

  /**
   * Natural logarithms of the question's probability behind each block. Blocks without keys and values are left out, and all where the
   * model has no position left for a question behind the longest block.
   */
  async score(blocks: readonly PlacedBlock[], question: string, signal?: AbortSignal): Promise<Map<number, number>> {
    const lead = this.#encoder.tokenize(QUESTION_LEAD);
    const { positions } = this.#model;
    const room = positions - this.#encoder.prefix.length - 2 * BLOCK_TOKENS - lead.length;
    const asked = this.#encoder.tokenize(question).slice(-Math.max(1, Math.min(QUESTION_TOKENS, room)));
    const scores = new Map<number, number>();
    if (room <= 0 || asked.length === 0) return scores;
    // A run has no more rows than the model has positions.
    const step = Math.min(SIDE_BY_SIDE, Math.max(1, Math.floor(positions / (lead.length + asked.length))));
    const runs = Array.from({ length: Math.ceil(blocks.length / step) }, (_, i) =>
      blocks.slice(i * step, (i + 1) * step),
    );
    const window = this.#roomFor(runs);
    for (const run of runs) {
      signal?.throwIfAborted();
      window.truncate(this.#encoder.prefix.length);
      await this.#scoreSome(window, run, { lead, asked }, scores);
    }
    return scores;
  }

  /** A window with the prefix, in which the largest of the runs has room without a copy. */
  #roomFor(runs: readonly (readonly PlacedBlock[])[]): AttentionWindow {
    const { prefix } = this.#encoder;
    const slotsOf = ({ path, tokens }: PlacedBlock) => this.#encoder.header(path).length + tokens;
    const most = Math.max(0, ...runs.map((run) => run.reduce((sum, block) => sum + slotsOf(block), 0)));
    return prefix.copy(prefix.length + most);
  }

  async #scoreSome(
    window: AttentionWindow,
    blocks: readonly PlacedBlock[],
    { lead, asked }: { lead: Int32Array; asked: Int32Array },
    scores: Map<number, number>,
  ): Promise<void> {
    const { prefix } = this.#encoder;
    const placed = this.#loader.loadEach(blocks, window);
    if (placed.length === 0) return;
    const text = [...lead, ...asked];
    const tokens = Int32Array.from(placed.flatMap(() => text));
    const positions = Int32Array.from(
      placed.flatMap(({ from, to }) => text.map((_, i) => prefix.length + to - from + i)),
    );
    const views = placed.map(({ from, to }) => ({
      tokens: text.length,
      slots: [
        { from: 0, to: prefix.length },
        { from, to },
      ],
    }));
    const hidden = await this.#model.runViews(window, tokens, positions, views);
    const width = this.#model.config.hidden;
    const telling = new Float32Array(placed.length * asked.length * width);
    for (const i of placed.keys()) {
      // The lead's last row predicts the question's first token.
      const row = i * text.length + lead.length - 1;
      telling.set(hidden.subarray(row * width, (row + asked.length) * width), i * asked.length * width);
    }
    const likelihoods = await this.#likelihood.of(telling, Int32Array.from(placed.flatMap(() => [...asked])));
    for (const [i, { block }] of placed.entries()) {
      const ofBlock = likelihoods.subarray(i * asked.length, (i + 1) * asked.length);
      scores.set(
        block.id,
        ofBlock.reduce((sum, each) => sum + each, 0),
      );
    }
  }
}
