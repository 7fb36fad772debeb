/** From a question to a ranking of the workspace's blocks. */
import type { BlockEncoder } from "../inference/block-encoder.ts";
import type { ModelIndex } from "../inference/model-lookup.ts";
import { fuseScores } from "../retrieval/fuse-scores.ts";
import { LexicalIndex } from "../retrieval/lexical-index.ts";
import { LOOKED_AT, likelihoodWeight, withLikelihoods } from "../retrieval/likely-blocks.ts";
import { type Asked, type Hit, NamedBlocks, wholeText } from "../retrieval/named-blocks.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";
import type { QuestionLikelihood } from "./question-likelihood.ts";

/** Looks blocks up by words, by the names that they define and by what the model's states say of them. */
export class LookUp {
  private readonly store: Store;
  private readonly encoder: BlockEncoder;
  private readonly lexical: LexicalIndex;
  private readonly names: NamedBlocks;
  private readonly index: ModelIndex | undefined;
  private readonly likelihood: QuestionLikelihood | undefined;
  private placed = new Map<number, PlacedBlock>();
  private generation: number | undefined;

  private constructor(
    store: Store,
    encoder: BlockEncoder,
    index: ModelIndex | undefined,
    likelihood: QuestionLikelihood | undefined,
  ) {
    this.store = store;
    this.likelihood = likelihood;
    this.encoder = encoder;
    this.index = index;
    this.lexical = new LexicalIndex(store);
    this.names = new NamedBlocks(store);
  }

  /**
   * @param encoder what the store's blocks were encoded with: questions ask from the same place
   * @param likelihood for `rankClosely`, which is `rank` without it; closed with the look-up
   */
  static async open(
    store: Store,
    encoder: BlockEncoder,
    threads: number,
    likelihood?: QuestionLikelihood,
  ): Promise<LookUp> {
    return new LookUp(store, encoder, await encoder.lookup?.openIndex(threads), likelihood);
  }

  /** All blocks of the workspace, in file order. */
  blocks(): PlacedBlock[] {
    this.refresh();
    return [...this.placed.values()];
  }

  /** Every block, in the order of `bestFirst`: the likeliest to answer the question first. */
  async rank(asked: Asked): Promise<Hit[]> {
    this.refresh();
    const question = wholeText(asked);
    // A reading may change the store while the model computes its scores: the ranking is of now.
    const { placed } = this;
    const lexical = this.lexical.search(question, placed.size);
    const states = (await this.index?.score(this.encoder.tokenize(question))) ?? [];
    const covered = new Map(lexical.map(({ blockId, coverage }) => [blockId, coverage]));
    const hits: Hit[] = [];
    for (const { id, score, words, states: said } of fuseScores([...placed.keys()], lexical, states)) {
      const block = placed.get(id);
      const evidence = { coverage: covered.get(id) ?? 0, cosine: this.cosineOf(states, id), defines: false };
      if (block) hits.push({ block, score, why: said > words ? "states" : "words", evidence });
    }
    return this.names.prefer(
      asked,
      hits,
      lexical.map(({ blockId }) => blockId),
    );
  }

  /**
   * Like `rank`. Where words and names tell little, the best blocks are also ranked by how likely they make the question, which
   * takes the model a second or two. Not for what follows up on another question: likelihoods of both together brought nothing.
   * @param excluded paths of files whose blocks are left out
   */
  async rankClosely(asked: Asked, signal: AbortSignal, excluded: readonly string[] = []): Promise<Hit[]> {
    const unwanted = new Set(excluded);
    const ranked = (await this.rank(asked)).filter(({ block }) => !unwanted.has(block.path));
    const weight = likelihoodWeight(ranked.map(({ evidence }) => evidence));
    if (weight === 0 || asked.before !== "" || this.likelihood === undefined) return ranked;
    const blocks = ranked.slice(0, LOOKED_AT).map(({ block }) => block);
    const likelihoods = await this.likelihood.score(blocks, asked.question, signal);
    return withLikelihoods(ranked, blocks.length, likelihoods, weight);
  }

  /** The mean of a block's scores, where these are cosines. */
  private cosineOf(states: readonly ReadonlyMap<number, number>[], block: number): number | undefined {
    if (this.index?.givesCosines !== true) return undefined;
    let [sum, count] = [0, 0];
    for (const layer of states) {
      const score = layer.get(block);
      if (score === undefined) continue;
      sum += score;
      count++;
    }
    return count === 0 ? undefined : sum / count;
  }

  async close(): Promise<void> {
    await Promise.all([this.index?.close(), this.likelihood?.close()]);
  }

  /** Takes the store's blocks anew when any process has changed them. */
  private refresh(): void {
    const generation = this.store.generation();
    if (generation === this.generation) return;
    this.store.read((blocks, _, symbols) => {
      const placed = blocks.placed();
      this.placed = new Map(placed.map((block) => [block.id, block]));
      this.names.load(placed, symbols);
      const version = this.encoder.indexVersion;
      this.index?.update(
        new Set(this.placed.keys()),
        (block) => blocks.indexEntry(version, block),
        () => blocks.indexEntries(version),
      );
    });
    this.generation = generation;
  }
}
