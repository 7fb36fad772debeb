/** A token index's copy on a GPU: all codes stay there, a question's few tokens go up, and a number a block comes down. */
import { writeBlockScores } from "../graph/token-maxima.ts";
import { DeviceFull, DeviceLost } from "../runtime/device-lost.ts";
import { floats, floatTensor, freeClosedWeights, type Provider, Session } from "../runtime/session.ts";
import { PROJECTED } from "./projections.ts";
import { heaviest, quantizeQueries, type TokenIndex, type TokenQueries } from "./token-index.ts";

/** Tokens that a block has room for: it has no more (`BLOCK_TOKENS`), and shorter ones repeat their last. */
const BLOCK_ROWS = 128;
/** Blocks of one graph: few runs for a large folder, and little to make again where a block changes. */
const SHARD_BLOCKS = 1024;
/** Blocks of graphs are multiples of this. */
const STEP_BLOCKS = 64;

/** Blocks whose codes are constants of one graph a layer. */
interface Shard {
  blocks: readonly number[];
  layers: Session[];
}

/** Scores as `TokenIndex` does, of what that index holds. */
export class DeviceTokenIndex {
  readonly #index: TokenIndex;
  readonly #threads: number;
  readonly #provider: Provider;
  #shards: Shard[] = [];
  /** Whether the device had no room for a graph: not all of an index is there then, and a part is of no use. */
  #isFull = false;
  #last: Promise<unknown> = Promise.resolve();

  /** @param index stays the truth @param provider "cpu" runs the same graphs there, to compare */
  constructor(index: TokenIndex, threads: number, provider: Provider = "webgpu") {
    this.#index = index;
    this.#threads = threads;
    this.#provider = provider;
  }

  /** Of the device's memory: codes, and the scales that their graph needs. */
  get bytes(): number {
    const perToken = PROJECTED / 2 + (PROJECTED / 32) * Float32Array.BYTES_PER_ELEMENT;
    const sizes = this.#shards.map(({ blocks, layers }) => roomFor(blocks.length) * layers.length);
    return sizes.reduce((sum, blocks) => sum + blocks * BLOCK_ROWS * perToken, 0);
  }

  /** Like `TokenIndex.score`. @throws DeviceLost, or DeviceFull from when it has no room for the index on */
  score(queries: readonly TokenQueries[]): Promise<Map<number, number>[]> {
    const scored = this.#last.then(async () => {
      if (this.#isFull) throw new DeviceFull("The GPU has no room for the look-up");
      await this.#update().catch((error: unknown) => this.#giveUp(error));
      const asked = queries.map((layer) => feedsOf(heaviest(layer)));
      const scores: Map<number, number>[] = asked.map(() => new Map());
      for (const { blocks, layers } of this.#shards) {
        for (const [layer, session] of layers.entries()) {
          const feeds = asked[layer];
          if (!feeds) continue;
          const values = floats(await session.run(feeds), "scores");
          blocks.forEach((block, i) => scores[layer]?.set(block, values[i] ?? 0));
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

  /** Makes the graphs again of which a block is gone, and of the last where blocks are new. */
  async #update(): Promise<void> {
    const live = new Set(this.#index.blocks);
    const isWhole = ({ blocks }: Shard) => blocks.length === SHARD_BLOCKS;
    const kept = this.#shards.filter(({ blocks }) => blocks.every((block) => live.has(block)));
    const known = new Set(kept.flatMap(({ blocks }) => blocks));
    const isNew = [...live].some((block) => !known.has(block));
    const stays = isNew ? kept.filter(isWhole) : kept;
    const placed = new Set(stays.flatMap(({ blocks }) => blocks));
    const rest = [...live].filter((block) => !placed.has(block));
    const gone = this.#shards.filter((shard) => !stays.includes(shard));
    this.#shards = stays;
    for (const { layers } of gone) await Promise.all(layers.map((session) => session.close()));
    if (gone.length > 0 && this.#provider === "webgpu") await freeClosedWeights();
    for (let from = 0; from < rest.length; from += SHARD_BLOCKS)
      this.#shards.push(await this.#shard(rest.slice(from, from + SHARD_BLOCKS)));
  }

  async #shard(blocks: readonly number[]): Promise<Shard> {
    const room = roomFor(blocks.length);
    const size = (BLOCK_ROWS * PROJECTED) / 2;
    const packed: Uint8Array[] = [];
    blocks.forEach((block, i) => {
      this.#index.codesOf(block).forEach((codes, layer) => {
        const bytes = (packed[layer] ??= new Uint8Array(room * size).fill(0x88));
        packBlock(codes, bytes.subarray(i * size, (i + 1) * size));
      });
    });
    const options = { threads: this.#threads, provider: this.#provider };
    const layers: Session[] = [];
    try {
      for (const codes of packed)
        layers.push(await Session.open(writeBlockScores(codes, room, BLOCK_ROWS, PROJECTED), options));
      return { blocks, layers };
    } catch (error) {
      await Promise.allSettled(layers.map((session) => session.close()));
      throw error;
    }
  }

  async #giveUp(cause: unknown): Promise<never> {
    if (!(cause instanceof DeviceLost)) throw cause;
    this.#isFull = true;
    await this.#closeShards();
    throw new DeviceFull("The GPU has no room for the look-up", { cause });
  }

  async #closeShards(): Promise<void> {
    // What a lost device cannot free is gone already.
    const sessions = this.#shards.splice(0).flatMap(({ layers }) => layers);
    await Promise.allSettled(sessions.map((session) => session.close()));
    if (sessions.length > 0 && this.#provider === "webgpu") await freeClosedWeights().catch(() => undefined);
  }
}

/** Blocks that a graph for `count` has room for. */
function roomFor(count: number): number {
  return Math.ceil(count / STEP_BLOCKS) * STEP_BLOCKS;
}

/** Two codes a byte, plus 8 each; the last token once more in the rows that are left. */
function packBlock(codes: Int8Array, bytes: Uint8Array): void {
  const last = codes.length - PROJECTED;
  for (let i = 0; i < bytes.length; i++) {
    const at = i * 2 < codes.length ? i * 2 : last + ((i * 2) % PROJECTED);
    bytes[i] = ((codes[at] ?? 0) + 8) | (((codes[at + 1] ?? 0) + 8) << 4);
  }
}

/** The queries rounded as the CPU rounds them, so that products are the same whole numbers. */
function feedsOf({ queries, weights }: TokenQueries) {
  const { columns, scales } = quantizeQueries(queries, weights);
  const count = weights.length;
  const rows = new Float32Array(count * PROJECTED);
  for (let query = 0; query < count; query++) {
    for (let i = 0; i < PROJECTED; i++) rows[query * PROJECTED + i] = columns[i * count + query] ?? 0;
  }
  return {
    queries: floatTensor(rows, [1, count, PROJECTED]),
    weights: floatTensor(Float32Array.from(scales), [1, 1, count]),
  };
}
