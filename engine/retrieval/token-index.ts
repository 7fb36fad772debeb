/**
 * Look-up by late interaction (Khattab and Zaharia, "ColBERT", 2020): every token of every block is in the index as a
 * projected hidden state of 4 bits a number, and a block's score is the sum over the question's tokens of their best match
 * in it.
 */
import { GROUP, writeTokenMaxima } from "../graph/token-maxima.ts";
import { Session, Tensor } from "../runtime/session.ts";
import { PROJECTED } from "./projections.ts";

/** Groups that one run scores: bounds the memory of the scores. */
const RUN_GROUPS = 2_048;
/** Question tokens that are compared: those of least weight are left out of a pasted text. */
const MAX_QUERIES = 24;
/** Share of a question's weight that may be left out: of 443 questions as many were found at 1 and at 8 without it; with 0.05, 2 fewer at 1. */
const LIGHTEST = 0.02;
/** Bytes of a token of one layer: two codes a byte. */
const TOKEN_BYTES = PROJECTED / 2;

/** A question's tokens as one layer's projection sees them. */
export interface TokenQueries {
  /** [tokens, PROJECTED] */
  queries: Float32Array;
  /** [tokens]; they add up to 1. */
  weights: Float32Array;
}

/**
 * What the index keeps of a block: its layers one after the other, each [tokens, TOKEN_BYTES].
 * @param codes a layer each, [tokens, PROJECTED] from -7 to 7
 */
export function packEntry(codes: readonly Int8Array[]): Uint8Array {
  const bytes = codes.reduce((sum, { length }) => sum + length / 2, 0);
  const entry = new Uint8Array(bytes);
  let at = 0;
  for (const layer of codes) {
    for (let i = 0; i < layer.length; i += 2) entry[at++] = ((layer[i] ?? 0) + 8) | (((layer[i + 1] ?? 0) + 8) << 4);
  }
  return entry;
}

/** Where a block's groups lie. */
interface Slot {
  from: number;
  to: number;
}

/** The index of a workspace's live blocks, in memory: 64 bytes a token and layer. */
export class TokenIndex {
  readonly #session: Session;
  readonly #layers: number;
  readonly #slots = new Map<number, Slot>();
  /** A layer each, [groups, GROUP, PROJECTED]. */
  #codes: Int8Array[];
  #groups = 0;
  /** Groups of blocks that are gone. */
  #dead = 0;

  private constructor(session: Session, layers: number) {
    this.#session = session;
    this.#layers = layers;
    this.#codes = Array.from({ length: layers }, () => new Int8Array(0));
  }

  static async open(layers: number, threads: number): Promise<TokenIndex> {
    return new TokenIndex(await Session.open(writeTokenMaxima(PROJECTED), { threads }), layers);
  }

  /** Blocks that are in the index. */
  get blocks(): Iterable<number> {
    return this.#slots.keys();
  }

  get isEmpty(): boolean {
    return this.#slots.size === 0;
  }

  has(block: number): boolean {
    return this.#slots.has(block);
  }

  /** A block's codes, a layer each [tokens, PROJECTED], its tokens filled up to whole groups; nothing for an unknown one. */
  codesOf(block: number): Int8Array[] {
    const slot = this.#slots.get(block);
    if (!slot) return [];
    const [from, to] = [slot.from * GROUP * PROJECTED, slot.to * GROUP * PROJECTED];
    return this.#codes.map((codes) => codes.subarray(from, to));
  }

  /** Adds a block; an entry of another shape (damaged, or another model's) is left out. */
  add(block: number, entry: Uint8Array): void {
    const tokens = entry.length / (TOKEN_BYTES * this.#layers);
    if (tokens === 0 || !Number.isInteger(tokens) || this.#slots.has(block)) return;
    const groups = Math.ceil(tokens / GROUP);
    this.#reserve(this.#groups + groups);
    const start = this.#groups * GROUP * PROJECTED;
    this.#codes.forEach((codes, layer) => {
      const part = entry.subarray(layer * tokens * TOKEN_BYTES, (layer + 1) * tokens * TOKEN_BYTES);
      unpack(part, codes, start);
      // Full groups only: the last token once more changes no maximum.
      const last = start + (tokens - 1) * PROJECTED;
      for (let token = tokens; token < groups * GROUP; token++) {
        codes.copyWithin(start + token * PROJECTED, last, last + PROJECTED);
      }
    });
    this.#slots.set(block, { from: this.#groups, to: this.#groups + groups });
    this.#groups += groups;
  }

  /** Takes a block out; its room is won back when half of all is such. */
  remove(block: number): void {
    const slot = this.#slots.get(block);
    if (!slot) return;
    this.#slots.delete(block);
    this.#dead += slot.to - slot.from;
    if (this.#dead * 2 > this.#groups) this.#compact();
  }

  /**
   * Scores of all blocks, a layer each: the sum over the question's tokens of weight times best cosine.
   * @param queries a layer each
   */
  async score(queries: readonly TokenQueries[]): Promise<Map<number, number>[]> {
    // Blocks may come and go while this waits: the scores belong to those of now.
    const slots = [...this.#slots];
    const all = this.#codes.map((codes, layer) => ({ codes, groups: this.#groups, asked: queries[layer] }));
    const scores: Map<number, number>[] = [];
    for (const { codes, groups, asked } of all) {
      scores.push(asked ? await this.#scoreLayer(codes, groups, slots, heaviest(asked)) : new Map());
    }
    return scores;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #scoreLayer(
    codes: Int8Array,
    groups: number,
    slots: readonly [number, Slot][],
    { queries, weights }: TokenQueries,
  ): Promise<Map<number, number>> {
    const count = weights.length;
    const { columns, scales } = quantizeQueries(queries, weights);
    const maxima = new Int32Array(groups * count);
    const tensor = new Tensor("int8", columns, [PROJECTED, count]);
    for (let from = 0; from < groups; from += RUN_GROUPS) {
      const to = Math.min(groups, from + RUN_GROUPS);
      const part = codes.subarray(from * GROUP * PROJECTED, to * GROUP * PROJECTED);
      const outputs = await this.#session.run({
        codes: new Tensor("int8", part, [to - from, GROUP, PROJECTED]),
        queries: tensor,
      });
      const data = outputs["maxima"]?.data;
      if (data instanceof Int32Array) maxima.set(data, from * count);
    }
    return new Map(slots.map(([block, slot]) => [block, sumOfMaxima(maxima, slot, scales)]));
  }

  #reserve(groups: number): void {
    const needed = groups * GROUP * PROJECTED;
    if (needed <= (this.#codes[0]?.length ?? 0)) return;
    this.#codes = this.#codes.map((codes) => {
      const grown = new Int8Array(Math.ceil(needed * 1.25));
      grown.set(codes);
      return grown;
    });
  }

  /** Moves what lives to the front of new arrays: a scoring at work still reads the old ones. */
  #compact(): void {
    const groups = this.#groups - this.#dead;
    const size = GROUP * PROJECTED;
    const fresh = this.#codes.map(() => new Int8Array(groups * size));
    let at = 0;
    for (const [block, { from, to }] of this.#slots) {
      this.#codes.forEach((codes, layer) => fresh[layer]?.set(codes.subarray(from * size, to * size), at * size));
      this.#slots.set(block, { from: at, to: at + to - from });
      at += to - from;
    }
    this.#codes = fresh;
    this.#groups = groups;
    this.#dead = 0;
  }
}

function unpack(packed: Uint8Array, codes: Int8Array, start: number): void {
  for (let i = 0, at = start; i < packed.length; i++, at += 2) {
    const byte = packed[i] ?? 0;
    codes[at] = (byte & 15) - 8;
    codes[at + 1] = (byte >> 4) - 8;
  }
}

/** At most `MAX_QUERIES` tokens, those that weigh most. */
export function heaviest(asked: TokenQueries): TokenQueries {
  return asked.weights.length <= MAX_QUERIES ? asked : pick(asked, byWeight(asked).slice(0, MAX_QUERIES));
}

/** Without the tokens that together weigh next to nothing, mostly a third of a question's; the others' weights add up to 1 again. */
export function withoutLightest(asked: TokenQueries): TokenQueries {
  const order = byWeight(asked);
  let [sum, count] = [0, 0];
  while (count < order.length && sum < 1 - LIGHTEST) sum += asked.weights[order[count++] ?? 0] ?? 0;
  const { queries, weights } = pick(asked, order.slice(0, count));
  return { queries, weights: weights.map((weight) => weight / sum) };
}

function byWeight({ weights }: TokenQueries): number[] {
  return Array.from(weights.keys()).toSorted((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0));
}

function pick({ queries, weights }: TokenQueries, tokens: readonly number[]): TokenQueries {
  const rows = new Float32Array(tokens.length * PROJECTED);
  tokens.forEach((token, i) => rows.set(queries.subarray(token * PROJECTED, (token + 1) * PROJECTED), i * PROJECTED));
  return { queries: rows, weights: Float32Array.from(tokens, (token) => weights[token] ?? 0) };
}

/** Queries as int8 columns [PROJECTED, count], and what a product counts for the score. */
export function quantizeQueries(
  queries: Float32Array,
  weights: Float32Array,
): { columns: Int8Array; scales: Float64Array } {
  const count = weights.length;
  const columns = new Int8Array(PROJECTED * count);
  const scales = Float64Array.from(weights, (weight, query) => {
    const row = queries.subarray(query * PROJECTED, (query + 1) * PROJECTED);
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const inverse = largest === 0 ? 0 : 127 / largest;
    row.forEach((value, i) => (columns[i * count + query] = Math.round(value * inverse)));
    return (weight * largest) / 127;
  });
  return { columns, scales };
}

function sumOfMaxima(maxima: Int32Array, { from, to }: Slot, scales: Float64Array): number {
  let sum = 0;
  for (let query = 0; query < scales.length; query++) {
    let best = -Infinity;
    for (let group = from; group < to; group++) best = Math.max(best, maxima[group * scales.length + query] ?? best);
    sum += best * (scales[query] ?? 0);
  }
  return sum;
}
