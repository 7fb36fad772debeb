/**
 * Look-up by a retrieval head: the un-rotated keys of one attention head as an index, every token of it, scored by the
 * question's own queries of that head. What a block scores on questions about nothing in particular is taken off
 * (`baseline`): most of a key's energy is common to all, and long blocks would win by chance.
 */
import { writeTokenScores } from "../graph/token-scores.ts";
import { floats, floatTensor, Session, Tensor } from "../runtime/session.ts";

/** Tokens that one run scores: bounds the memory of the scores. */
const RUN_TOKENS = 16_384;
/** An entry is `baseline` and then, a token each, a scale and `width` int8 codes; floats are little-endian. */
const BASELINE_BYTES = 4;
const SCALE_BYTES = 4;

/** Rounds rows [rows, width] to int8 with a scale each. */
function quantizeRows(values: Float32Array, width: number): { codes: Int8Array; scales: Float32Array } {
  const rows = values.length / width;
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let i = row * width; i < (row + 1) * width; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0));
    scales[row] = largest / 127;
    const inverse = largest === 0 ? 0 : 127 / largest;
    for (let i = row * width; i < (row + 1) * width; i++) codes[i] = Math.round((values[i] ?? 0) * inverse);
  }
  return { codes, scales };
}

/** For each query [queries, width] its largest dot product with a key [tokens, width]; the mean over queries. */
function meanOfMaxima(keys: Float32Array, queries: Float32Array, width: number): number {
  let sum = 0;
  for (let query = 0; query < queries.length; query += width) {
    let best = -Infinity;
    for (let key = 0; key < keys.length; key += width) {
      let dot = 0;
      for (let i = 0; i < width; i++) dot += (keys[key + i] ?? 0) * (queries[query + i] ?? 0);
      if (dot > best) best = dot;
    }
    sum += best;
  }
  return queries.length === 0 ? 0 : (sum * width) / queries.length;
}

/**
 * What the index keeps of a block.
 * @param keys un-rotated keys of the head, [tokens, width]
 * @param genericQueries queries of questions about nothing in particular, [n, width]
 */
export function encodeIndexEntry(keys: Float32Array, genericQueries: Float32Array, width: number): Uint8Array {
  const { codes, scales } = quantizeRows(keys, width);
  const entry = new Uint8Array(BASELINE_BYTES + scales.length * (SCALE_BYTES + width));
  const view = new DataView(entry.buffer);
  view.setFloat32(0, meanOfMaxima(keys, genericQueries, width), true);
  scales.forEach((scale, token) => {
    const at = BASELINE_BYTES + token * (SCALE_BYTES + width);
    view.setFloat32(at, scale, true);
    entry.set(new Uint8Array(codes.buffer, token * width, width), at + SCALE_BYTES);
  });
  return entry;
}

/**
 * Scores of blocks for a question: over its tokens, the squared excess of a block's best match over its baseline and over what
 * blocks reach on average.
 * @param best largest dot product of each block's keys with each token's query, [blocks, count]
 * @param baselines what each block reaches on generic questions, [blocks]
 */
export function contrast(best: Float32Array, baselines: Float32Array, count: number): Float32Array {
  const scores = new Float32Array(baselines.length);
  for (let query = 0; query < count; query++) {
    let mean = 0;
    baselines.forEach((baseline, i) => (mean += ((best[i * count + query] ?? 0) - baseline) / baselines.length));
    baselines.forEach((baseline, i) => {
      const excess = Math.max(0, (best[i * count + query] ?? 0) - baseline - mean);
      scores[i] = (scores[i] ?? 0) + excess * excess;
    });
  }
  return scores;
}

/** All entries of a store, side by side, ready to be scanned. */
interface Loaded {
  blocks: { id: number; from: number; to: number; baseline: number }[];
  codes: Int8Array;
  scales: Float32Array;
}

/** Scores every block of a store with the queries of one head. */
export class HeadIndex {
  private readonly session: Session;
  private readonly width: number;
  private loaded: Loaded = { blocks: [], codes: new Int8Array(0), scales: new Float32Array(0) };

  private constructor(session: Session, width: number) {
    this.session = session;
    this.width = width;
  }

  /** @param width numbers a key has */
  static async open(width: number, threads: number): Promise<HeadIndex> {
    return new HeadIndex(await Session.open(writeTokenScores(width), { threads }), width);
  }

  /** Blocks that are in the index. */
  get blocks(): Iterable<number> {
    return this.loaded.blocks.map(({ id }) => id);
  }

  /**
   * Drops the blocks that `stays` does not name, and adds `entries`; those that are not of this width (damaged, or another model's) are
   * left out. What stays is copied, not read again.
   */
  update(stays: (block: number) => boolean, entries: Iterable<[block: number, data: Uint8Array]>): void {
    const stride = SCALE_BYTES + this.width;
    const kept = this.loaded.blocks.filter(({ id }) => stays(id));
    const sound = [...entries].filter(
      ([, data]) => data.length > BASELINE_BYTES && (data.length - BASELINE_BYTES) % stride === 0,
    );
    const total =
      kept.reduce((sum, { from, to }) => sum + to - from, 0) +
      sound.reduce((sum, [, data]) => sum + (data.length - BASELINE_BYTES) / stride, 0);
    const loaded: Loaded = { blocks: [], codes: new Int8Array(total * this.width), scales: new Float32Array(total) };
    let token = 0;
    for (const { id, from, to, baseline } of kept) {
      loaded.scales.set(this.loaded.scales.subarray(from, to), token);
      loaded.codes.set(this.loaded.codes.subarray(from * this.width, to * this.width), token * this.width);
      loaded.blocks.push({ id, from: token, to: token + to - from, baseline });
      token += to - from;
    }
    for (const [id, data] of sound) token = this.append(loaded, token, id, data);
    this.loaded = loaded;
  }

  /** Unpacks an entry behind the first `token` tokens. @returns the tokens that are there then */
  private append(loaded: Loaded, token: number, id: number, data: Uint8Array): number {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const from = token;
    for (let at = BASELINE_BYTES; at < data.length; at += SCALE_BYTES + this.width, token++) {
      loaded.scales[token] = view.getFloat32(at, true);
      const codes = new Int8Array(data.buffer, data.byteOffset + at + SCALE_BYTES, this.width);
      loaded.codes.set(codes, token * this.width);
    }
    loaded.blocks.push({ id, from, to: token, baseline: view.getFloat32(0, true) });
    return token;
  }

  /**
   * Scores of all blocks for a question's queries [n, width], by `contrast`.
   */
  async score(queries: Float32Array): Promise<Map<number, number>> {
    const count = queries.length / this.width;
    // A reading may load new entries while this waits: the scores belong to those of now.
    const { loaded } = this;
    const { blocks } = loaded;
    const best = await this.bestMatches(loaded, queries, count);
    const scores = contrast(
      best,
      Float32Array.from(blocks, ({ baseline }) => baseline),
      count,
    );
    return new Map(blocks.map(({ id }, i) => [id, scores[i] ?? 0]));
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  /** The largest score of each block for each query, [blocks, queries]. */
  private async bestMatches(loaded: Loaded, queries: Float32Array, count: number): Promise<Float32Array> {
    const { blocks, codes, scales } = loaded;
    const best = new Float32Array(blocks.length * count).fill(-Infinity);
    const feeds = this.queryFeeds(queries, count);
    for (let first = 0; first < blocks.length;) {
      const from = blocks[first]?.from ?? 0;
      let last = first;
      while (last < blocks.length && (blocks[last]?.to ?? 0) - from <= RUN_TOKENS) last++;
      if (last === first) last++;
      const to = blocks[last - 1]?.to ?? from;
      const outputs = await this.session.run({
        ...feeds,
        codes: new Tensor("int8", codes.subarray(from * this.width, to * this.width), [to - from, this.width]),
        scales: floatTensor(scales.subarray(from, to), [to - from, 1]),
      });
      const scores = floats(outputs, "scores");
      for (let i = first; i < last; i++) keepLargest(scores, best, i, blocks[i], from, count);
      first = last;
    }
    return best;
  }

  private queryFeeds(queries: Float32Array, count: number) {
    const { codes, scales } = quantizeRows(queries, this.width);
    const transposed = new Int8Array(codes.length);
    for (let query = 0; query < count; query++) {
      for (let i = 0; i < this.width; i++) transposed[i * count + query] = codes[query * this.width + i] ?? 0;
    }
    return {
      queries: new Tensor("int8", transposed, [this.width, count]),
      query_scales: floatTensor(scales, [1, count]),
    };
  }
}

function keepLargest(
  scores: Float32Array,
  best: Float32Array,
  index: number,
  block: { from: number; to: number } | undefined,
  runFrom: number,
  count: number,
): void {
  if (!block) return;
  for (let token = block.from - runFrom; token < block.to - runFrom; token++) {
    for (let query = 0; query < count; query++) {
      const score = scores[token * count + query] ?? -Infinity;
      if (score > (best[index * count + query] ?? -Infinity)) best[index * count + query] = score;
    }
  }
}
