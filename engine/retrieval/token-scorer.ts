/** Scores a token index by products of its 4-bit codes with a question's tokens, on the CPU or on a GPU: the codes stay in graphs. */
import { writeBlockScores } from "../graph/token-maxima.ts";
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
  session: Session;
}

export class TokenScorer {
  readonly #index: TokenIndex;
  readonly #threads: number;
  readonly #provider: Provider;
  #shards: Shard[] = [];
  /** The index's, of when the shards were made. */
  #version: number | undefined;
  /** Whether the device had no room for a graph: not all of an index is there then, and a part is of no use. */
  #isFull = false;
  #last: Promise<unknown> = Promise.resolve();

  /** @param index stays the truth */
  constructor(index: TokenIndex, threads: number, provider: Provider) {
    this.#index = index;
    this.#threads = threads;
    this.#provider = provider;
  }

  /** Of memory: codes, and the scales that their graph needs. */
  get bytes(): number {
    const blocks = this.#shards.reduce((sum, shard) => sum + roomFor(shard.blocks.length), 0);
    const perToken = TOKEN_BYTES + (PROJECTED / 32) * Float32Array.BYTES_PER_ELEMENT;
    return blocks * BLOCK_ROWS * perToken * this.#index.layers;
  }

  /**
   * Scores of all blocks, a layer each: the sum over the question's tokens of weight times largest dot product with a token of the block
   * (on the CPU of questions rounded to int8).
   * @param queries a layer each
   * @throws DeviceLost, or DeviceFull from when the device has no room for the index on
   */
  score(queries: readonly TokenQueries[]): Promise<Map<number, number>[]> {
    const scored = this.#last.then(async () => {
      if (this.#isFull) throw new DeviceFull("The GPU has no room for the look-up");
      await this.#update().catch((error: unknown) => this.#giveUp(error));
      if (queries.length !== this.#index.layers) return [];
      const asked = feedsOf(queries);
      const scores: Map<number, number>[] = queries.map(() => new Map());
      for (const shard of this.#shards) {
        const live = shard.blocks.map((_, i) => this.#isLive(shard, i));
        const outputs = await shard.session.run(asked);
        for (const [layer, ofLayer] of scores.entries()) {
          const values = floats(outputs, `scores${layer}`);
          shard.blocks.forEach((block, i) => live[i] && ofLayer.set(block, values[i] ?? 0));
        }
      }
      return scores;
    });
    this.#last = scored.catch(() => undefined);
    return scored;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#closeShards();
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
    const onCpu = this.#provider === "cpu";
    const precision = onCpu ? "int8" : "float32";
    const graph = writeBlockScores(codes, { blocks: room, tokens: BLOCK_ROWS, width: PROJECTED, precision });
    const options = { threads: this.#threads, provider: this.#provider, isFrugal: onCpu };
    const session = await Session.open(graph, options);
    return { blocks: placed.map(([block]) => block), entries: placed.map(([, entry]) => entry), session };
  }

  async #giveUp(cause: unknown): Promise<never> {
    this.#version = undefined;
    if (!(cause instanceof DeviceLost)) throw cause;
    this.#isFull = true;
    await this.#closeShards();
    throw new DeviceFull("The GPU has no room for the look-up", { cause });
  }

  async #closeShards(): Promise<void> {
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
