/** Infini-attention at work: local attention over what was read in this chat, and a compressive memory of all else. */
import { CHUNK_ROWS } from "../graph/attention.ts";
import { writeInfiniRead } from "../graph/infini-graph.ts";
import type { CompressiveMemory } from "../memory/compressive-memory.ts";
import { type InfiniWeights, trailFeeds } from "../memory/infini-weights.ts";
import { type Feeds, floats, floatTensor, Session } from "../runtime/session.ts";
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";
import type { DecodedToken, DecodingState } from "./decoding-state.ts";
import type { LanguageModel } from "./language-model.ts";
import { type AttendedLayer, type LayerRowsOut, LayerwiseModel } from "./layerwise-model.ts";

/** Stands for minus infinity in biases: far below any score, and safe to add. */
const CLOSED = -1e9;

/** A model whose trained layers read a memory. It stays open for all questions of a folder. */
export class InfiniModel {
  readonly model: LanguageModel;
  private readonly layerwise: LayerwiseModel;
  private readonly weights: InfiniWeights;
  private readonly reading: Session;
  private prefix: LocalRows | undefined;

  private constructor(layerwise: LayerwiseModel, weights: InfiniWeights, reading: Session) {
    this.model = layerwise.model;
    this.layerwise = layerwise;
    this.weights = weights;
    this.reading = reading;
  }

  static async open(model: LanguageModel, weights: InfiniWeights, threads: number): Promise<InfiniModel> {
    const layerwise = await LayerwiseModel.open(model, threads);
    try {
      return new InfiniModel(layerwise, weights, await Session.open(writeInfiniRead(model.config), { threads }));
    } catch (error) {
      await layerwise.close();
      throw error;
    }
  }

  /** Stands behind `prefix`, which reads no memory: the same tokens stood before every segment. */
  async state(prefix: Int32Array, memory: CompressiveMemory): Promise<InfiniState> {
    if (!this.prefix) {
      const rows = LocalRows.empty(this.model);
      await this.run(prefix, rows, new Map());
      this.prefix = rows;
    }
    // Trails begin behind the prefix, as they begin with each segment's own text.
    return new InfiniState(this, this.prefix.copy(), memory.feeds());
  }

  /** Runs tokens behind `local`, which takes their keys and values. @returns final hidden states [tokens, hidden] */
  async run(tokens: Int32Array, local: LocalRows, memory: ReadonlyMap<number, Feeds>): Promise<Float32Array> {
    const position = local.length;
    const trails = trailFeeds(this.weights.decay, tokens.length);
    const hidden = await this.layerwise.run(tokens, async (layer, rows) => {
      local.append(layer, rows);
      const { attended } = await this.attend(rows, local, layer, position);
      const [weights, own] = [this.weights.layers.get(layer), memory.get(layer)];
      if (!weights || !own) return { attended };
      return { attended, added: await this.read(rows.query, local, layer, { ...weights.read, ...own, ...trails }) };
    });
    local.length += tokens.length;
    return hidden;
  }

  async close(): Promise<void> {
    await this.reading.close();
    await this.layerwise.close();
  }

  /** What a layer's heads find in memory, [T, hidden]. */
  private async read(query: Float32Array, local: LocalRows, layer: number, feeds: Feeds): Promise<Float32Array> {
    const width = this.model.config.heads * this.model.config.headDim;
    const outputs = await this.reading.run({
      ...feeds,
      query: floatTensor(query, [query.length / width, width]),
      trail_before: floatTensor(local.trail(layer, width), [1, width]),
    });
    local.follow(layer, floats(outputs, "trails"), width);
    return floats(outputs, "added");
  }

  /** Local attention; the one far row that its graph wants is closed. */
  private attend(rows: LayerRowsOut, local: LocalRows, layer: number, position: number): Promise<AttendedLayer> {
    const { heads, headDim } = this.model.config;
    const count = rows.query.length / (heads * headDim);
    const { keys, values, near } = local.of(layer, position + count);
    const nothing = new Float32Array(local.width);
    const bias = new Float32Array(count * (near + 1)).fill(CLOSED);
    for (let row = 0; row < count; row++) {
      const at = row * (near + 1) + 1;
      bias.fill(0, at, at + near - count + row + 1);
    }
    const far = { farKeys: nothing, farValues: nothing, farPosition: 0 };
    return this.layerwise.attend({ query: rows.query, nearKeys: keys, nearValues: values, ...far, bias, position });
  }
}

/** One answer's place in a text: what it reads of memory does not change, what it has read itself does. */
class InfiniState implements DecodingState {
  readonly tokenizer: Tokenizer;
  readonly positions: number;
  private readonly model: InfiniModel;
  private readonly local: LocalRows;
  private readonly memory: ReadonlyMap<number, Feeds>;
  private marked: number;

  constructor(model: InfiniModel, local: LocalRows, memory: ReadonlyMap<number, Feeds>) {
    this.tokenizer = model.model.tokenizer;
    this.positions = model.model.positions;
    this.model = model;
    this.local = local;
    this.memory = memory;
    this.marked = local.length;
  }

  get length(): number {
    return this.local.length;
  }

  async read(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    return this.model.model.logits((await this.hidden(tokens, signal)).slice(-this.model.model.config.hidden));
  }

  /** Final hidden states of the tokens, [tokens, hidden]. */
  async hidden(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    const { hidden } = this.model.model.config;
    const states = new Float32Array(tokens.length * hidden);
    for (let from = 0; from < tokens.length; from += CHUNK_ROWS) {
      signal?.throwIfAborted();
      const part = tokens.subarray(from, from + CHUNK_ROWS);
      states.set(await this.model.run(part, this.local, this.memory), from * hidden);
    }
    return states;
  }

  async decode(token: number): Promise<DecodedToken> {
    return { logits: await this.read(Int32Array.of(token)) };
  }

  mark(): void {
    this.marked = this.local.length;
  }

  rewind(): void {
    this.local.length = this.marked;
  }
}

/** Un-rotated keys and values of the tokens that were read, [tokens, kvHeads * headDim] a layer. */
class LocalRows {
  length = 0;
  readonly width: number;
  private readonly keys: Float32Array[];
  private readonly values: Float32Array[];
  /** Trails of queries behind the first `trailed` tokens, by layer, [tokens, heads * headDim]. */
  private readonly trails = new Map<number, Float32Array[]>();
  private readonly trailed: number;

  private constructor(width: number, keys: Float32Array[], values: Float32Array[], trailed = 0) {
    this.width = width;
    this.keys = keys;
    this.values = values;
    this.trailed = trailed;
  }

  static empty({ config }: LanguageModel): LocalRows {
    const rows = () => Array.from({ length: config.layers }, () => new Float32Array(0));
    return new LocalRows(config.kvHeads * config.headDim, rows(), rows());
  }

  /** Writes one layer's new rows behind `length`, which the caller moves on once all layers have theirs. */
  append(layer: number, { keys, values }: LayerRowsOut): void {
    this.put(this.keys, layer, keys);
    this.put(this.values, layer, values);
  }

  /** The first `near` rows. */
  of(layer: number, near: number): { keys: Float32Array; values: Float32Array; near: number } {
    const part = (all: readonly Float32Array[]) => all[layer]?.subarray(0, near * this.width) ?? new Float32Array(0);
    return { keys: part(this.keys), values: part(this.values), near };
  }

  /** The trail of the queries so far; nothing at the beginning. */
  trail(layer: number, width: number): Float32Array {
    return this.trails.get(layer)?.[this.length - this.trailed - 1] ?? new Float32Array(width);
  }

  /** Notes the trails of a layer's new rows, which stand behind `length`. */
  follow(layer: number, trails: Float32Array, width: number): void {
    const known = this.trails.get(layer)?.slice(0, this.length - this.trailed) ?? [];
    for (let at = 0; at < trails.length; at += width) known.push(trails.subarray(at, at + width));
    this.trails.set(layer, known);
  }

  /** A copy whose trails begin here. */
  copy(): LocalRows {
    const part = (all: readonly Float32Array[]) => all.map((rows) => rows.slice(0, this.length * this.width));
    const copy = new LocalRows(this.width, part(this.keys), part(this.values), this.length);
    copy.length = this.length;
    return copy;
  }

  private put(all: Float32Array[], layer: number, added: Float32Array): void {
    const at = this.length * this.width;
    let rows = all[layer] ?? new Float32Array(0);
    if (rows.length < at + added.length) {
      const grown = new Float32Array(Math.max(2 * rows.length, at + added.length));
      grown.set(rows.subarray(0, at));
      all[layer] = rows = grown;
    }
    rows.set(added, at);
  }
}
