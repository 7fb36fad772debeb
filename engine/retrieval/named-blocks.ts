import type { Why } from "../protocol/requests.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";
import { nameScorer } from "./name-match.ts";
import { SymbolIndex } from "./symbol-index.ts";

/** Blocks whose text is read to see whether they define a name: definitions share its word, so they are among the best. */
const READ_FOR_NAMES = 64;

/** What a definition that may be meant adds, in z-scores of the fused ranking; one that must be meant comes before all else. */
const DEFINITION = 3;

/** A block with its strength. */
export interface Hit {
  block: PlacedBlock;
  score: number;
  why: Why;
}

/** Brings blocks that define what a question names, and files that are called by it, to the front of a ranking. */
export class NamedBlocks {
  readonly #store: Store;
  readonly #symbols: SymbolIndex;
  #parsed: ReadonlySet<string> = new Set();

  constructor(store: Store) {
    this.#store = store;
    this.#symbols = new SymbolIndex(store);
  }

  /** Takes note of which files' definitions are known: those of the live blocks' segments that define something. */
  load(placed: readonly PlacedBlock[], defining: ReadonlySet<number>): void {
    this.#parsed = new Set(placed.filter(({ segment }) => defining.has(segment)).map(({ path }) => path));
  }

  /**
   * The ranking with names counted, best first.
   * @param ranked best first, scores as `fuseScores` gives them
   * @param lexical ids of the blocks that share words with the question, best first
   */
  prefer(question: string, ranked: readonly Hit[], lexical: readonly number[]): Hit[] {
    const named = nameScorer(question);
    const texts = this.#textsWithoutSymbols(ranked, lexical.slice(0, READ_FOR_NAMES));
    const defined = this.#definitionScores(question, ranked[0]?.score ?? 0);
    return ranked
      .map(({ block, score, why }) => {
        const fromSymbols = defined.get(block.id) ?? 0;
        const fromText = named(block.path, texts.get(block.id));
        const byName = fromText + fromSymbols;
        const name = fromSymbols > 0 ? ("definition" as const) : ("file-name" as const);
        return { block, score: score + byName, why: byName > score ? name : why };
      })
      .sort((a, b) => b.score - a.score || a.block.id - b.block.id);
  }

  /** Scores of words and heads are as high as what they found is rare, so a definition that must be meant goes by the best of them. */
  #definitionScores(question: string, best: number): Map<number, number> {
    const hits = this.#symbols.search(question);
    return new Map(
      hits.map(({ blockId, score, sure }) => [blockId, score * (sure ? Math.max(DEFINITION, best) : DEFINITION)]),
    );
  }

  /** In files without symbols (their language has no grammar here), definitions are guessed from the text. */
  #textsWithoutSymbols(ranked: readonly Hit[], ids: readonly number[]): Map<number, string | undefined> {
    const wanted = new Set(ids);
    const unparsed = ranked.filter(({ block }) => wanted.has(block.id) && !this.#parsed.has(block.path));
    return this.#store.read((blocks) => new Map(unparsed.map(({ block }) => [block.id, blocks.text(block.id)])));
  }
}
