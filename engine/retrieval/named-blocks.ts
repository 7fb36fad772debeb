import type { Why } from "../protocol/requests.ts";
import type { BlockReader, PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";
import type { SymbolTable } from "../store/symbol-table.ts";
import { bestFirst } from "./best-first.ts";
import type { Evidence } from "./evidence.ts";
import { type FileName, fileName, nameScorer } from "./name-match.ts";
import { runOn } from "./run-on.ts";
import { HOP_SOURCES, secondHop } from "./second-hop.ts";
import { type SymbolHit, SymbolIndex } from "./symbol-index.ts";

/** Blocks whose text is read to see whether they define or call a name: they share its word, so they are among the best. */
const READ_FOR_NAMES = 64;

/**
 * What names add, in the fused ranking's units; fitted on questions about packages that no figure is reported on.
 * A definition that must be meant goes by the best of the ranking: that is as high as what was found is rare.
 */
const DEFINITION = 2;
const OF_THE_BEST = 1;
/** Of a definition, for the blocks that it runs on in: what it does may stand there. */
const RUN_ON = 0.7;
/** A block that calls what a question wants the callers of. */
const CALLER = 6;
/** A block in which some function, class or the like begins: questions are mostly about those. */
const BEGINS = 1;
/** A block that defines what the best blocks name. */
const HOP = 2;

/** Kinds of definitions that have a body. */
const BEGINNING = ["function", "method", "class", "interface", "struct", "type", "enum", "trait", "macro"];

/** A question, and what it follows up on: looked up with it, but what that names was asked for then and not now. */
export interface Asked {
  question: string;
  /** "" where it stands for itself. */
  before: string;
}

/** All that a question is looked up by. */
export function wholeText({ question, before }: Asked): string {
  return before === "" ? question : `${before}\n${question}`;
}

/** A block with its strength. */
export interface Hit {
  block: PlacedBlock;
  score: number;
  why: Why;
  evidence: Evidence;
}

/** What names say for a block. */
interface ByName {
  score: number;
  why: Why;
  /** Whether the block defines what must be meant. */
  isSure?: boolean;
}

/** Brings blocks that define or call what a question names, and files that are called by it, to the front of a ranking. */
export class NamedBlocks {
  readonly #store: Store;
  readonly #symbols: SymbolIndex;
  #parsed: ReadonlySet<string> = new Set();
  #placed: ReadonlyMap<number, PlacedBlock> = new Map();
  #next: ReadonlyMap<number, PlacedBlock> = new Map();
  #beginning: ReadonlySet<number> = new Set();
  #files: ReadonlyMap<string, FileName> = new Map();

  constructor(store: Store) {
    this.#store = store;
    this.#symbols = new SymbolIndex(store);
  }

  /**
   * Takes note of the order of blocks, of where something is defined, and of the files whose definitions are known.
   * @param placed in file order
   */
  load(placed: readonly PlacedBlock[], symbols: SymbolTable): void {
    const defining = new Set(symbols.segments());
    this.#beginning = new Set(symbols.blocksOf(BEGINNING));
    this.#placed = new Map(placed.map((block) => [block.id, block]));
    this.#parsed = new Set(placed.filter(({ segment }) => defining.has(segment)).map(({ path }) => path));
    const paths = new Set(placed.map(({ path }) => path));
    this.#files = new Map([...paths].map((path) => [path, this.#files.get(path) ?? fileName(path)]));
    this.#next = new Map(
      placed.flatMap((block, i) => {
        const next = placed[i + 1];
        return next?.path === block.path ? [[block.id, next] as const] : [];
      }),
    );
  }

  /**
   * A ranking in which names are counted, in the order of `bestFirst`.
   * @param hits in any order, scores as `fuseScores` gives them
   * @param lexical ids of the blocks that share words with the question, best first
   */
  prefer(asked: Asked, hits: readonly Hit[], lexical: readonly number[]): Hit[] {
    const named = nameScorer(wholeText(asked));
    const texts = this.#textsWithoutSymbols(lexical.slice(0, READ_FOR_NAMES));
    const most = hits.reduce((best, { score }) => Math.max(best, score), 0);
    const bySymbol = this.#bySymbol(asked, most, lexical);
    const counted = hits.map((hit): Hit => {
      const symbol = bySymbol.get(hit.block.id);
      const begins = this.#beginning.has(hit.block.id) ? BEGINS : 0;
      const file = this.#files.get(hit.block.path) ?? fileName(hit.block.path);
      const byName = named(file, texts.get(hit.block.id));
      const further = byName + (symbol?.score ?? 0);
      if (begins + further === 0) return hit;
      const strongest = (symbol?.score ?? 0) >= byName ? (symbol?.why ?? hit.why) : "file-name";
      const evidence = symbol?.isSure === true ? { ...hit.evidence, defines: true } : hit.evidence;
      const why = further > hit.score ? strongest : hit.why;
      return { block: hit.block, score: hit.score + begins + further, why, evidence };
    });
    return bestFirst(this.#withSecondHop(counted));
  }

  /** Definitions of what is named; sure only where the question itself names it. */
  #hits(asked: Asked): SymbolHit[] {
    if (asked.before === "") return this.#symbols.search(asked.question);
    const now = new Set(this.#symbols.search(asked.question).map(({ blockId }) => blockId));
    return this.#symbols.search(wholeText(asked)).map((hit) => ({ ...hit, sure: hit.sure && now.has(hit.blockId) }));
  }

  /** What definitions and calls say, by block. @param best score of any */
  #bySymbol(asked: Asked, best: number, lexical: readonly number[]): Map<number, ByName> {
    const hits = this.#hits(asked);
    const sure = hits.filter((hit) => hit.sure);
    if (asksForCallers(asked.question) && sure.length > 0) return this.#callers(sure, lexical.slice(0, READ_FOR_NAMES));
    const strengths = new Map<number, ByName>();
    const most = Math.max(DEFINITION, OF_THE_BEST * best);
    this.#store.read((reader) => {
      for (const hit of hits) {
        const score = hit.score * (hit.sure ? most : DEFINITION);
        raise(strengths, hit.blockId, { score, why: "definition", isSure: hit.sure });
        const block = hit.sure ? this.#placed.get(hit.blockId) : undefined;
        if (!block) continue;
        for (const further of this.#runOn(reader, block, hit.name)) {
          raise(strengths, further.id, { score: score * RUN_ON, why: "neighbour" });
        }
      }
    });
    return strengths;
  }

  /** Blocks that call a name without defining it. */
  #callers(sure: readonly SymbolHit[], ids: readonly number[]): Map<number, ByName> {
    const defining = new Set(sure.map(({ blockId }) => blockId));
    const calls = sure.map(
      ({ name }) => new RegExp(`(?<![\\p{L}\\p{N}_$])${name.replace(/[$]/g, "\\$&")}\\s*\\(`, "u"),
    );
    return this.#store.read((reader) => {
      const calling = ids.filter((id) => !defining.has(id) && calls.some((call) => call.test(reader.text(id) ?? "")));
      return new Map(calling.map((id) => [id, { score: CALLER, why: "words" }]));
    });
  }

  #runOn(reader: BlockReader, block: PlacedBlock, name: string): PlacedBlock[] {
    return runOn(reader, ({ id }) => this.#next.get(id), block, name);
  }

  #withSecondHop(hits: Hit[]): Hit[] {
    const sources = bestFirst(hits, HOP_SOURCES).slice(0, HOP_SOURCES);
    const hops = secondHop(
      this.#store,
      sources.map(({ block }) => block.id),
    );
    if (hops.size === 0) return hits;
    return hits.map((hit): Hit => {
      const strength = hops.get(hit.block.id);
      if (strength === undefined) return hit;
      const score = hit.score + HOP * strength;
      return { ...hit, score, why: HOP * strength > hit.score ? "definition" : hit.why };
    });
  }

  /** In files without symbols (their language has no grammar here), definitions are guessed from the text. */
  #textsWithoutSymbols(ids: readonly number[]): Map<number, string | undefined> {
    const unparsed = ids.filter((id) => !this.#parsed.has(this.#placed.get(id)?.path ?? ""));
    return this.#store.read((blocks) => new Map(unparsed.map((id) => [id, blocks.text(id)])));
  }
}

function raise(strengths: Map<number, ByName>, id: number, by: ByName): void {
  if ((strengths.get(id)?.score ?? -Infinity) < by.score) strengths.set(id, by);
}

/** "Which function calls f?", "Who uses f?", "Where is f called?"; not "What does f call?". */
function asksForCallers(question: string): boolean {
  return /\b(?:who|which|what|where)\b(?!\s+(?:does|do|did)\b).*\b(?:calls?|called|callers?|uses?|used|invokes?|invoked)\b/i.test(
    question,
  );
}
