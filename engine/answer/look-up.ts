/** From a question to a ranking of the workspace's blocks. */
import { lookupQueries } from "../inference/block-encoder.ts";
import type { AttentionWindow } from "../inference/attention-window.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { lookupHead } from "../inference/observed-layers.ts";
import { fuseScores } from "../retrieval/fuse-scores.ts";
import { HeadIndex } from "../retrieval/head-index.ts";
import { LexicalIndex } from "../retrieval/lexical-index.ts";
import { NamedBlocks } from "../retrieval/named-blocks.ts";
import type { Hit } from "../retrieval/named-blocks.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";

/** Looks blocks up by words, by the names that they define and, where the model has one, by its retrieval head. */
export class LookUp {
  private readonly store: Store;
  private readonly model: LanguageModel;
  private readonly prefix: AttentionWindow;
  private readonly lexical: LexicalIndex;
  private readonly names: NamedBlocks;
  private readonly heads: HeadIndex | undefined;
  private placed = new Map<number, PlacedBlock>();
  private generation: number | undefined;

  private constructor(store: Store, model: LanguageModel, prefix: AttentionWindow, heads: HeadIndex | undefined) {
    this.store = store;
    this.model = model;
    this.prefix = prefix;
    this.heads = heads;
    this.lexical = new LexicalIndex(store);
    this.names = new NamedBlocks(store);
  }

  /** @param prefix the window that segments are encoded behind: questions ask from the same place */
  static async open(store: Store, model: LanguageModel, prefix: AttentionWindow, threads: number): Promise<LookUp> {
    const heads = lookupHead(model.config) ? await HeadIndex.open(model.config.headDim, threads) : undefined;
    return new LookUp(store, model, prefix, heads);
  }

  /** All blocks of the workspace, in file order. */
  blocks(): PlacedBlock[] {
    this.refresh();
    return [...this.placed.values()];
  }

  /** Every block, the likeliest to answer the question first. */
  async rank(question: string): Promise<Hit[]> {
    this.refresh();
    // A reading may change the store while the head's scores are computed: the ranking is of now.
    const { placed } = this;
    const lexical = new Map(this.lexical.search(question, placed.size).map((hit) => [hit.blockId, hit.score]));
    const head = await this.headScores(question);
    const ranked = fuseScores([...placed.keys()], lexical, head).flatMap(({ id, score }) => {
      const block = placed.get(id);
      return block ? [{ block, score }] : [];
    });
    return this.names.prefer(question, ranked, [...lexical.keys()]);
  }

  async close(): Promise<void> {
    await this.heads?.close();
  }

  private async headScores(question: string): Promise<Map<number, number> | undefined> {
    if (!this.heads) return undefined;
    const queries = await lookupQueries(this.model, this.prefix, this.model.tokenizer.encode(question));
    return queries.length === 0 ? undefined : this.heads.score(queries);
  }

  /** Takes the store's blocks anew when any process has changed them. */
  private refresh(): void {
    const generation = this.store.generation();
    if (generation === this.generation) return;
    this.store.read((blocks, _, symbols) => {
      const placed = blocks.placed();
      this.placed = new Map(placed.map((block) => [block.id, block]));
      this.names.load(placed, new Set(symbols.segments()));
      this.heads?.load(blocks.indexEntries());
    });
    this.generation = generation;
  }
}
