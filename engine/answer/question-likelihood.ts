/**
 * How likely each of some blocks makes a question: the query likelihood of retrieval (Ponte and Croft, 1998; by a language model:
 * arXiv 2204.07496). The model reads the question behind the block's stored keys and values, so it costs as many tokens as the
 * question has, whatever the block's length. It knows that an espresso maker is a coffee machine, which shared words do not tell.
 */
import { BlockPool } from "../blocks/block-pool.ts";
import { ColdTier } from "../blocks/cold-tier.ts";
import { BLOCK_TOKENS } from "../blocks/block.ts";
import type { BlockEncoder } from "../inference/block-encoder.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { logLikelihoods } from "../inference/logits.ts";
import { QUESTION_LEAD } from "../inference/prompt.ts";
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

  constructor(store: Store, model: LanguageModel, encoder: BlockEncoder, log: (line: string) => void) {
    const { layers, kvHeads, headDim } = encoder.shape;
    // The largest codec keeps 2 bytes a number of keys and values.
    const blockBytes = 2 * 2 * BLOCK_TOKENS * layers * kvHeads * headDim;
    const options = { ramBytes: 2 * SIDE_BY_SIDE * blockBytes, maxLeaseBlocks: SIDE_BY_SIDE, blockBytes };
    this.#model = model;
    this.#encoder = encoder;
    this.#loader = new BlockLoader(new BlockPool(new ColdTier(store, encoder.shape, log), options), encoder.shape);
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
    for (let from = 0; from < blocks.length; from += step) {
      signal?.throwIfAborted();
      await this.#scoreSome(blocks.slice(from, from + step), lead, asked, scores);
    }
    return scores;
  }

  async #scoreSome(
    blocks: readonly PlacedBlock[],
    lead: Int32Array,
    asked: Int32Array,
    scores: Map<number, number>,
  ): Promise<void> {
    const { prefix } = this.#encoder;
    const window = prefix.copy(prefix.length + blocks.reduce((sum, { tokens }) => sum + tokens, 0));
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
    for (const [i, { block }] of placed.entries()) {
      scores.set(block.id, await this.#logLikelihood(hidden, i * text.length + lead.length - 1, asked));
    }
  }

  /** Of `asked`, the first of which the hidden state of row `row` predicts. */
  async #logLikelihood(hidden: Float32Array, row: number, asked: Int32Array): Promise<number> {
    const width = this.#model.config.hidden;
    const logits = await this.#model.logits(hidden.slice(row * width, (row + asked.length) * width));
    return logLikelihoods(logits, asked).reduce((sum, each) => sum + each, 0);
  }
}
