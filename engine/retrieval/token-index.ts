/**
 * Look-up by late interaction (Khattab and Zaharia, "ColBERT", 2020): every token of every block is in the index as a
 * projected hidden state of 4 bits a number, and a block's score is the sum over the question's tokens of their best match
 * in it (`token-scorer.ts`).
 */
import { PROJECTED } from "./projections.ts";

/** Question tokens that are compared: those of least weight are left out of a pasted text. */
const MAX_QUERIES = 24;
/** Share of a question's weight that may be left out: of 443 questions as many were found at 1 and at 8 without it; with 0.05, 2 fewer at 1. */
const LIGHTEST = 0.02;
/** Bytes of a token of one layer: two codes a byte. */
export const TOKEN_BYTES = PROJECTED / 2;
/** Tokens that a block has room for: it has no more (`BLOCK_TOKENS`). */
export const BLOCK_ROWS = 128;

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

/** The entries of a workspace's live blocks, in memory: 32 bytes a token and layer. */
export class TokenIndex {
  readonly layers: number;
  readonly #entries = new Map<number, Uint8Array>();
  #version = 0;

  constructor(layers: number) {
    this.layers = layers;
  }

  /** Another one whenever a block came or went. */
  get version(): number {
    return this.#version;
  }

  /** Blocks that are in the index. */
  get blocks(): Iterable<number> {
    return this.#entries.keys();
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  has(block: number): boolean {
    return this.#entries.has(block);
  }

  /** What `packEntry` made of the block; a block that went and came again has another one. */
  entry(block: number): Uint8Array | undefined {
    return this.#entries.get(block);
  }

  /** Adds a block; an entry of another shape (damaged, or another model's) is left out. */
  add(block: number, entry: Uint8Array): void {
    const tokens = entry.length / (TOKEN_BYTES * this.layers);
    if (tokens < 1 || tokens > BLOCK_ROWS || !Number.isInteger(tokens) || this.#entries.has(block)) return;
    this.#entries.set(block, entry);
    this.#version++;
  }

  remove(block: number): void {
    if (this.#entries.delete(block)) this.#version++;
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
