/** Published InfLLM (arXiv 2402.04617): a token stream of any length, read in chunks that look up while they are encoded. */
import type { KvCodec } from "../blocks/kv-codec.ts";
import { CHUNK_ROWS } from "../graph/attention.ts";
import { InfllmLayer } from "../memory/infllm-layer.ts";
import {
  type InfllmSettings,
  largestScores,
  PUBLISHED_SETTINGS,
  type RowWindow,
  rowWindow,
} from "../memory/infllm-window.ts";
import type { SamplingOptions } from "../protocol/requests.ts";
import type { LayerRowsOut, LayerwiseModel } from "./layerwise-model.ts";
import { createSampler } from "./sampler.ts";

/** What one layer looked up with, and what it found. */
export interface LayerLookUp {
  /** The mean query of the chunk, rotated to the local window's length, [heads * headDim]. */
  query: Float32Array;
  /** A score for every block, in stream order. */
  scores: Float32Array;
  /** The blocks that it attends to, best first. */
  chosen: number[];
}

/**
 * The memory of one stream. What it keeps a token is in RAM: int8 keys and values of every layer and a representative a
 * block (for SmolLM2-135M 12.6 KB). Equal streams, cut into equal reads, give equal bits.
 */
export class InfllmStream {
  readonly settings: InfllmSettings;
  private readonly model: LayerwiseModel;
  private readonly layers: readonly InfllmLayer[];
  private readTokens = 0;

  private constructor(model: LayerwiseModel, settings: InfllmSettings, layers: readonly InfllmLayer[]) {
    this.model = model;
    this.settings = settings;
    this.layers = layers;
  }

  /** An empty stream. @param codec how blocks are kept, int8 by default */
  static create(model: LayerwiseModel, settings = PUBLISHED_SETTINGS, codec?: KvCodec): InfllmStream {
    const { config } = model;
    const needed = settings.localTokens + settings.blockTokens + settings.chunkTokens;
    if (needed > model.model.positions) {
      throw new RangeError(`The model knows ${model.model.positions} positions; these settings need ${needed}`);
    }
    const layers = Array.from({ length: config.layers }, () => new InfllmLayer(config, settings, codec));
    return new InfllmStream(model, settings, layers);
  }

  /** Tokens read so far. */
  get tokens(): number {
    return this.readTokens;
  }

  /** Blocks of each layer; block b holds the stream's tokens from `blockStart(b)`. */
  get blocks(): number {
    return this.layers[0]?.blockCount ?? 0;
  }

  /** Bytes of all layers' blocks. */
  get bytes(): number {
    return this.layers.reduce((sum, layer) => sum + layer.bytes, 0);
  }

  /** The first token of block `block`. */
  blockStart(block: number): number {
    return this.settings.initTokens + block * this.settings.blockTokens;
  }

  /** Appends tokens. @returns the last one's final hidden state, [hidden] */
  async read(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    let last = new Float32Array(0);
    for (let from = 0; from < tokens.length; from += this.settings.chunkTokens) {
      signal?.throwIfAborted();
      const hidden = await this.step(tokens.subarray(from, from + this.settings.chunkTokens));
      last = hidden.slice(-this.model.config.hidden);
    }
    return last;
  }

  /**
   * Reads a question (at least one token) as a chunk of its own and generates, each token looking up for itself. The stream is
   * left as it was. Ends at an end token, which is not given, after `maxTokens`, or at an abort.
   */
  async *ask(
    question: Int32Array,
    options: SamplingOptions & { maxTokens: number; signal?: AbortSignal },
  ): AsyncGenerator<number> {
    const stream = this.fork();
    const sampler = createSampler(options);
    const recent: number[] = [];
    let hidden = await stream.read(question, options.signal);
    while (recent.length < options.maxTokens && !options.signal?.aborted) {
      const token = sampler.next(await this.model.model.logits(hidden), recent);
      if (this.model.model.tokenizer.endTokens.has(token)) return;
      recent.push(token);
      yield token;
      hidden = await stream.read(Int32Array.of(token));
    }
  }

  /** What each layer looks up for a question's last chunk; the stream is left as it was. */
  async lookUp(question: Int32Array): Promise<LayerLookUp[]> {
    const found: LayerLookUp[] = [];
    const stream = this.fork();
    const last = Math.floor((question.length - 1) / this.settings.chunkTokens) * this.settings.chunkTokens;
    await stream.read(question.subarray(0, last));
    await stream.step(question.subarray(last), (layer, lookUp) => (found[layer] = lookUp));
    return found;
  }

  /** Each layer's vector for tokens [from, to) of the stream, which must not be in a block yet. */
  representatives(from: number, to: number): Float32Array[] {
    return this.layers.map((layer) => {
      const first = this.readTokens - layer.pending;
      if (from < first) throw new RangeError(`Token ${from} is in a block already; the first that is not is ${first}`);
      return layer.representative(from - first, to - first);
    });
  }

  /** A stream that goes on from here by itself. */
  fork(): InfllmStream {
    const copy = new InfllmStream(
      this.model,
      this.settings,
      this.layers.map((layer) => layer.fork()),
    );
    copy.readTokens = this.readTokens;
    return copy;
  }

  /** Runs one chunk through all layers. */
  private async step(tokens: Int32Array, watch?: (layer: number, lookUp: LayerLookUp) => void): Promise<Float32Array> {
    const windows = this.windows(tokens.length);
    const hidden = await this.model.run(tokens, async (layer, rows) => {
      const memory = this.layers[layer];
      if (!memory) throw new RangeError(`No memory for layer ${layer}`);
      const query = this.lookUpQuery(rows.query, tokens.length);
      const scores = memory.lookUp(query);
      const chosen = largestScores(scores, this.settings.topBlocks);
      watch?.(layer, { query, scores, chosen });
      memory.load(chosen);
      return { attended: await this.attend(memory, rows, windows) };
    });
    for (const layer of this.layers) layer.retire();
    this.readTokens += tokens.length;
    return hidden;
  }

  /** A chunk's windows, `CHUNK_ROWS` rows at a time; the same for all layers. */
  private windows(tokens: number): RowWindow[] {
    const [layer] = this.layers;
    const windows: RowWindow[] = [];
    for (let from = 0; layer && from < tokens; from += CHUNK_ROWS) {
      const to = Math.min(from + CHUNK_ROWS, tokens);
      windows.push(rowWindow(this.settings, layer.pending, from, to, layer.farTokens));
    }
    return windows;
  }

  private async attend(memory: InfllmLayer, rows: LayerRowsOut, windows: readonly RowWindow[]): Promise<Float32Array> {
    memory.append(rows.keys, rows.values);
    const width = this.model.config.heads * this.model.config.headDim;
    const attended = new Float32Array(rows.query.length);
    for (const window of windows) {
      const { bias, position } = window;
      const query = rows.query.subarray(window.from * width, window.to * width);
      const farPosition = this.settings.localTokens - 1;
      const result = await this.model.attend({ query, ...memory.view(window), bias, position, farPosition });
      memory.credit(result.mass, window);
      attended.set(result.attended, window.from * width);
    }
    return attended;
  }

  /** The mean of a chunk's queries [tokens, heads * headDim], rotated to where far keys are met from. */
  private lookUpQuery(query: Float32Array, tokens: number): Float32Array {
    const { heads, headDim } = this.model.config;
    const { cos, sin, half } = this.model.model.rope;
    const mean = new Float32Array(heads * headDim);
    for (let i = 0; i < query.length; i++) mean[i % mean.length]! += query[i]! / tokens;
    const angle = (this.settings.localTokens - 1) * half;
    for (let at = 0; at < mean.length; at += headDim) {
      for (let i = at; i < at + half; i++) {
        const [c, s] = [cos[angle + i - at] ?? 0, sin[angle + i - at] ?? 0];
        const [x, y] = [mean[i]!, mean[i + half]!];
        mean[i] = x * c - y * s;
        mean[i + half] = y * c + x * s;
      }
    }
    return mean;
  }
}
