/** Scores a token index by products of its 4-bit codes with a question's tokens, on the CPU or on a GPU: the codes stay in graphs. */
import { type BlockScores, writeBlockScores } from "../graph/block-scores.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import { DeviceFull, DeviceLost } from "../runtime/device-lost.ts";
import { type Feeds, floats, floatTensor, freeClosedWeights, type Provider, Session } from "../runtime/session.ts";
import { PROJECTED } from "./projections.ts";
import { BLOCK_ROWS, heaviest, TOKEN_BYTES, type TokenIndex, type TokenQueries } from "./token-index.ts";

/** Blocks of one graph: few runs for a large folder, and little to make again where a block changes. */
const SHARD_BLOCKS = 1024;
/** Blocks of graphs are multiples of this. */
const STEP_BLOCKS = 64;
/** Share of a shard's blocks that may be gone before it is made again without them. */
const MOST_GONE = 0.25;

/** Blocks whose codes are constants of one graph. */
interface Shard {
  blocks: readonly number[];
  /** As they were in the index: a block whose entry is another one by now is gone. */
  entries: readonly Uint8Array[];
  /** Whether each block was still there when the shards were last brought up to date. */
  live: readonly boolean[];
  session: Session;
}

export class TokenScorer {
  readonly #index: TokenIndex;
  readonly #threads: number;
  readonly #provider: Provider;
  readonly #precision: BlockScores["precision"];
  #shards: Shard[] = [];
  /** The index's, of when the shards were made. */
  #version: number | undefined;
  /** Why the device has not all graphs, once it has not: a part of an index is of no use. */
  #refusal: DeviceFull | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param index stays the truth
   * @param precision what questions are rounded to
   */
  constructor(
    index: TokenIndex,
    threads: number,
    provider: Provider,
    precision: BlockScores["precision"] = provider === "cpu" ? "int8" : "float32",
  ) {
    this.#index = index;
    this.#threads = threads;
    this.#provider = provider;
    this.#precision = precision;
  }

  /** Of memory: codes, and the scales that their graph needs. */
  get bytes(): number {
    const blocks = this.#shards.reduce((sum, shard) => sum + roomFor(shard.blocks.length), 0);
    const perToken = TOKEN_BYTES + (PROJECTED / 32) * Float32Array.BYTES_PER_ELEMENT;
    return blocks * BLOCK_ROWS * perToken * this.#index.layers;
  }

  /**
   * Scores of all blocks, a layer each: the sum over the question's tokens of weight times largest dot product with a token of the block.
   * @param queries one for each of the index's layers
   * @throws DeviceLost, or DeviceFull from when the device cannot hold the index on
   * @throws RepoMemoryError "out-of-memory" where the CPU cannot
   */
  score(queries: readonly TokenQueries[]): Promise<Map<number, number>[]> {
    if (queries.length !== this.#index.layers) throw new RangeError("A question has other layers than the index");
    const scored = this.#last.then(async () => {
      if (this.#refusal) throw this.#refusal;
      await this.#update().catch((error: unknown) => this.#giveUp(error));
      const asked = feedsOf(queries);
      const scores: Map<number, number>[] = queries.map(() => new Map());
      for (const shard of this.#shards) {
        const outputs = await shard.session.run(asked);
        for (const [layer, ofLayer] of scores.entries()) {
          const values = floats(outputs, `scores${layer}`);
          for (const [i, block] of shard.blocks.entries()) if (shard.live[i]) ofLayer.set(block, values[i] ?? 0);
        }
      }
      return scores;
    });
    this.#last = scored.catch(() => undefined);
    return scored;
  }

  /** Gives the graphs' memory back; another question would have them made again. */
  close(): Promise<void> {
    const closed = this.#last.then(() => this.#closeShards());
    this.#last = closed;
    return closed;
  }

  /** Makes the graphs again of which much is gone, and those that have room where blocks are new. */
  async #update(): Promise<void> {
    const { version } = this.#index;
    if (version === this.#version) return;
    const kept = this.#shards.filter((shard) => this.#gone(shard) <= MOST_GONE * shard.blocks.length);
    const isNew = this.#missing(kept).length > 0;
    const stay = isNew ? kept.filter(({ blocks }) => blocks.length === SHARD_BLOCKS) : kept;
    const missing = this.#missing(stay);
    const gone = this.#shards.filter((shard) => !stay.includes(shard));
    this.#shards = stay;
    await Promise.all(gone.map(({ session }) => session.close()));
    if (gone.length > 0 && this.#provider === "webgpu") await freeClosedWeights();
    for (let from = 0; from < missing.length; from += SHARD_BLOCKS)
      this.#shards.push(await this.#shard(missing.slice(from, from + SHARD_BLOCKS)));
    for (const shard of this.#shards) shard.live = shard.blocks.map((_, i) => this.#isLive(shard, i));
    this.#version = version;
  }

  #isLive({ blocks, entries }: Shard, at: number): boolean {
    return this.#index.entry(blocks[at] ?? NaN) === entries[at];
  }

  #gone(shard: Shard): number {
    return shard.blocks.reduce((sum, _, i) => sum + (this.#isLive(shard, i) ? 0 : 1), 0);
  }

  /** The index's blocks that none of the shards has. */
  #missing(shards: readonly Shard[]): [block: number, entry: Uint8Array][] {
    const placed = new Set(shards.flatMap((shard) => shard.blocks.filter((_, i) => this.#isLive(shard, i))));
    return [...this.#index.blocks].flatMap((block) => {
      const entry = placed.has(block) ? undefined : this.#index.entry(block);
      return entry ? [[block, entry] as const] : [];
    });
  }

  async #shard(placed: readonly (readonly [block: number, entry: Uint8Array])[]): Promise<Shard> {
    const { layers } = this.#index;
    const [room, size] = [roomFor(placed.length), BLOCK_ROWS * TOKEN_BYTES];
    const codes = Array.from({ length: layers }, () => new Uint8Array(room * size));
    placed.forEach(([, entry], i) => {
      const length = entry.length / layers;
      codes.forEach((all, layer) => {
        fill(all.subarray(i * size, (i + 1) * size), entry.subarray(layer * length, (layer + 1) * length));
      });
    });
    const sizes = { blocks: room, tokens: BLOCK_ROWS, width: PROJECTED, precision: this.#precision };
    const session = await this.#open(writeBlockScores(codes, sizes));
    return { blocks: placed.map(([block]) => block), entries: placed.map(([, entry]) => entry), live: [], session };
  }

  async #open(graph: Uint8Array): Promise<Session> {
    const provider = this.#provider;
    try {
      return await Session.open(graph, { threads: this.#threads, provider, isFrugal: provider === "cpu" });
    } catch (cause) {
      if (cause instanceof DeviceLost) throw cause;
      throw new RepoMemoryError("out-of-memory", {
        message: "There is not enough memory to search the folder.",
        meaning: "The question was not answered; what was read is kept.",
        remedy: "Close other programs, or leave out large folders, and ask again.",
        cause,
      });
    }
  }

  /** A device that cannot load these graphs may well go on with the model's. */
  async #giveUp(cause: unknown): Promise<never> {
    if (!(cause instanceof DeviceLost)) throw cause;
    this.#refusal = new DeviceFull(`The GPU cannot hold the look-up (${cause.message})`, { cause });
    await this.#closeShards();
    throw this.#refusal;
  }

  async #closeShards(): Promise<void> {
    this.#version = undefined;
    // What a lost device cannot free is gone already.
    const shards = this.#shards.splice(0);
    await Promise.allSettled(shards.map(({ session }) => session.close()));
    if (shards.length > 0 && this.#provider === "webgpu") await freeClosedWeights().catch(() => undefined);
  }
}

/** Blocks that a graph for `count` has room for. */
function roomFor(count: number): number {
  return Math.ceil(count / STEP_BLOCKS) * STEP_BLOCKS;
}

/** The tokens, and the last once more in the rows that are left: it changes no maximum. */
function fill(rows: Uint8Array, tokens: Uint8Array): void {
  rows.set(tokens);
  const last = tokens.subarray(tokens.length - TOKEN_BYTES);
  for (let at = tokens.length; at < rows.length; at += TOKEN_BYTES) rows.set(last, at);
}

function feedsOf(queries: readonly TokenQueries[]): Feeds {
  const feeds: Feeds = {};
  for (const [layer, asked] of queries.entries()) {
    const { queries: rows, weights } = heaviest(asked);
    feeds[`queries${layer}`] = floatTensor(rows, [1, weights.length, PROJECTED]);
    feeds[`weights${layer}`] = floatTensor(weights, [1, 1, weights.length]);
  }
  return feeds;
}
