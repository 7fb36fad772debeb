/** Fills the attention window for a question: with the blocks that a look-up chose, or with everything where it fits. */
import { openPool } from "../blocks/open-pool.ts";
import type { BlockEncoder } from "../inference/block-encoder.ts";
import { BlockRestorer } from "../ingest/restore-blocks.ts";
import type { Excerpt } from "../inference/prompt.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { BlockLoader, type BlockSlots } from "../memory/block-window.ts";
import type { LineRange } from "../protocol/requests.ts";
import { fitsQuestion } from "../retrieval/evidence.ts";
import { arrange, MOST_BLOCKS } from "../retrieval/select-blocks.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";
import type { AttentionWindow } from "../inference/attention-window.ts";
import { WindowState } from "../inference/decoding-state.ts";
import type { FilledMemory } from "./answer.ts";
import { askedBlocks } from "./asked-blocks.ts";
import { chooseBlocks, type Wishes } from "./choose-blocks.ts";
import type { Asked, Hit } from "../retrieval/named-blocks.ts";
import type { LookUp } from "./look-up.ts";
import { rangeOf, type Refill } from "./look-again.ts";

/** A workspace up to this size is read as plain text: no look-up can be better than all of it. */
const PLAIN_TOKENS = 1_024;
/** About what a file's header has. */
const HEADER_TOKENS = 16;
/** Blocks that `reread` reads again as text. */
const EXCERPTS = 2;
/** Blobs of blocks asked for lately stay in memory: follow-up questions mostly need the same ones. */
const POOL_BYTES = 128 * 2 ** 20;
/** Room for question and answer before the window has to grow. */
const LOCAL_TOKENS = 128;

/** A memory that is in an attention window. */
export interface FilledWindow extends FilledMemory {
  window: AttentionWindow;
}

/** Room for a question and its answer where the window is small because a GPU is. */
const QUESTION_TOKENS = 384;

/** Makes filled windows for one workspace. */
export class WindowFiller {
  private readonly store: Store;
  private readonly model: LanguageModel;
  private readonly encoder: BlockEncoder;
  private readonly lookUp: LookUp;
  private readonly loader: BlockLoader;
  private readonly restorer: BlockRestorer;
  private plain: { key: string; window: AttentionWindow; slots: BlockSlots[] } | undefined;

  constructor(store: Store, model: LanguageModel, encoder: BlockEncoder, lookUp: LookUp, log: (line: string) => void) {
    this.store = store;
    this.model = model;
    this.encoder = encoder;
    this.lookUp = lookUp;
    this.restorer = new BlockRestorer(store, encoder);
    this.loader = new BlockLoader(
      openPool(store, encoder.shape, { log, maxLeaseBlocks: MOST_BLOCKS, ramBytes: POOL_BYTES }),
      encoder.shape,
    );
  }

  /** Looks the question up and places the best blocks; plain attention where the whole workspace is small. */
  async fill(
    asked: Asked,
    wishes: Wishes & { ranges?: readonly LineRange[] },
    signal: AbortSignal,
  ): Promise<FilledWindow> {
    const started = performance.now();
    const unwanted = new Set(wishes.excluded);
    const blocks = this.lookUp.blocks().filter(({ path }) => !unwanted.has(path));
    const headers = new Set(blocks.map(({ header }) => header)).size * HEADER_TOKENS;
    const total = blocks.reduce((sum, block) => sum + block.tokens, headers);
    const room = this.model.mostSlots - this.encoder.prefix.length - QUESTION_TOKENS;
    if (total <= Math.min(PLAIN_TOKENS, room)) return this.fillPlain(blocks, started, signal);
    const ranking = await this.lookUp.rankClosely(asked, signal, wishes.excluded);
    const headerTokens = (path: string) => this.encoder.header(path).length;
    const named = askedBlocks(blocks, wishes.ranges ?? [], headerTokens, room);
    const found = chooseBlocks(ranking, wishes, headerTokens, room - tokensOf(named, headerTokens));
    const chosen = withAsked(found, ranking, named);
    const lookupMs = performance.now() - started;
    await this.restorer.restore(
      chosen.map(({ block }) => block.id),
      signal,
    );
    const excerpts = this.excerpts(chosen);
    const isWanted = chosen.some(({ why }) => why === "pinned" || why === "asked");
    const placed = this.place(chosen.map(({ block }) => block));
    const texts = this.texts(placed.slots);
    return {
      ...placed,
      state: new WindowState(this.model, placed.window),
      chosen: chosen.map(rangeOf),
      excerpts,
      texts,
      again: this.refill(placed.window, chosen, texts, wishes, signal),
      found: isWanted || fitsQuestion(ranking.map(({ evidence }) => evidence)),
      lookupMs,
    };
  }

  /** Places blocks behind the prefix, whatever they are. */
  place(blocks: readonly PlacedBlock[]): { window: AttentionWindow; slots: BlockSlots[] } {
    const tokens = blocks.reduce((sum, block) => sum + block.tokens, 0);
    const window = this.encoder.prefix.copy(this.encoder.prefix.length + tokens + LOCAL_TOKENS);
    return { window, slots: this.loader.load(arrange(blocks), window) };
  }

  private refill(
    window: AttentionWindow,
    chosen: readonly Hit[],
    texts: Map<number, string>,
    { excluded = [] }: Wishes,
    signal: AbortSignal,
  ): Refill {
    const wanted = chosen.filter(({ why }) => why === "pinned" || why === "asked");
    return {
      stays: new Set(wanted.map(({ block }) => block.id)),
      rank: async (asked) => (await this.lookUp.rank(asked)).filter(({ block }) => !excluded.includes(block.path)),
      put: async (block, slots) => {
        await this.restorer.restore([block.id], signal);
        const own = this.loader.replace(block, slots, window);
        if (own) texts.set(block.id, this.store.read((reader) => reader.text(block.id)) ?? "");
        return own;
      },
    };
  }

  private texts(slots: readonly BlockSlots[]): Map<number, string> {
    return this.store.read((reader) => new Map(slots.map(({ block }) => [block.id, reader.text(block.id) ?? ""])));
  }

  /** The best blocks as text. */
  private excerpts(chosen: readonly Hit[]): Excerpt[] {
    return this.store.read((reader) =>
      chosen.slice(0, EXCERPTS).map(({ block }) => {
        const { path, startLine, endLine } = block;
        return { path, startLine, endLine, text: reader.text(block.id) ?? "" };
      }),
    );
  }

  /** Reads the blocks' files as one text, each behind its header. Kept until the workspace changes, or others are asked about. */
  private async fillPlain(blocks: readonly PlacedBlock[], started: number, signal: AbortSignal): Promise<FilledWindow> {
    const key = `${this.store.generation()} ${blocks.map(({ id }) => id).join(" ")}`;
    if (this.plain?.key !== key) {
      const window = this.encoder.prefix.copy(this.encoder.prefix.length + PLAIN_TOKENS + LOCAL_TOKENS);
      this.plain = { key, window, slots: await this.readPlain(blocks, window, signal) };
    }
    const { slots } = this.plain;
    const window = this.plain.window.copy(this.plain.window.capacity);
    const state = new WindowState(this.model, window);
    const chosen = blocks.map((block) => rangeOf({ block, score: 1, why: "all" as const }));
    const lookupMs = performance.now() - started;
    return { window, state, slots, chosen, texts: this.texts(slots), found: true, lookupMs };
  }

  /** Appends every block's text to the window as plain tokens. */
  async readPlain(blocks: readonly PlacedBlock[], window: AttentionWindow, signal: AbortSignal): Promise<BlockSlots[]> {
    const slots: BlockSlots[] = [];
    const tokens: number[] = [];
    let path: string | undefined;
    for (const block of blocks) {
      if (block.path !== path) tokens.push(...this.encoder.header(block.path));
      path = block.path;
      const text = this.store.read((reader) => reader.text(block.id)) ?? "";
      const from = window.length + tokens.length;
      tokens.push(...this.encoder.tokenize(text));
      slots.push({ block, from, to: window.length + tokens.length });
    }
    if (tokens.length > 0) await this.model.read(window, Int32Array.from(tokens), window.length, signal);
    return slots;
  }
}

/** What blocks take of a window, their files' headers included. */
function tokensOf(blocks: readonly PlacedBlock[], headerTokens: (path: string) => number): number {
  const headers = [...new Set(blocks.map(({ path }) => path))].map(headerTokens);
  return [...headers, ...blocks.map(({ tokens }) => tokens)].reduce((sum, count) => sum + count, 0);
}

/** What was asked for goes before what was found, and takes the place of the least of it where a window holds no more. */
function withAsked(found: readonly Hit[], ranking: readonly Hit[], asked: readonly PlacedBlock[]): Hit[] {
  const ids = new Set(asked.map(({ id }) => id));
  const hits = new Map(ranking.filter(({ block }) => ids.has(block.id)).map((hit) => [hit.block.id, hit]));
  const first = asked.flatMap(({ id }) => hits.get(id) ?? []).map((hit): Hit => ({ ...hit, why: "asked" }));
  return [...first, ...found.filter(({ block }) => !ids.has(block.id))].slice(0, MOST_BLOCKS);
}
