/** Published InfLLM the slow way: whole histories, one query and one head at a time, nothing moved or packed. */
import { type RopeTable, ropeTable } from "../../engine/graph/rope.ts";
import type { LayerRowsOut, LayerwiseModel } from "../../engine/inference/layerwise-model.ts";
import type { InfllmSettings } from "../../engine/memory/infllm-window.ts";

/** One layer's history; all un-rotated, rows by token. */
interface History {
  keys: Float32Array[]; // [kvHeads * headDim] each
  values: Float32Array[];
  mass: Float64Array[]; // [heads] each
  queries: Float32Array; // of the last chunk, [tokens, heads * headDim]
}

/** The oracle of `InfllmStream`: reads chunks and keeps everything. */
export class PlainInfllm {
  /** The blocks that each layer chose for the last chunk, in stream order. */
  chosen: number[][] = [];
  private readonly model: LayerwiseModel;
  private readonly settings: InfllmSettings;
  private readonly layers: History[];
  private readonly rope: RopeTable;
  private tokens = 0;
  private blocks = 0;
  private initial = 0;

  constructor(model: LayerwiseModel, settings: InfllmSettings) {
    this.model = model;
    this.settings = settings;
    this.rope = ropeTable(model.config, settings.localTokens);
    this.layers = Array.from({ length: model.config.layers }, () => ({
      keys: [],
      values: [],
      mass: [],
      queries: new Float32Array(0),
    }));
  }

  /** @returns the chunk's final hidden states */
  async step(tokens: Int32Array): Promise<Float32Array> {
    this.chosen = [];
    const hidden = await this.model.run(tokens, async (layer, rows) => ({
      attended: this.attend(layer, rows),
    }));
    this.tokens += tokens.length;
    const { initTokens, localTokens, blockTokens } = this.settings;
    this.initial = Math.min(initTokens, Math.max(this.initial, this.tokens - localTokens));
    const left = this.tokens - localTokens - this.initial;
    this.blocks = this.initial < initTokens ? 0 : Math.max(this.blocks, Math.floor(left / blockTokens));
    return hidden;
  }

  /** The mean key of the most attended of tokens [from, to), for each query head. */
  representative(layer: number, from: number, to: number): Float32Array {
    const { heads, headDim } = this.model.config;
    const history = this.layers[layer]!;
    const result = new Float32Array(heads * headDim);
    for (let head = 0; head < heads; head++) {
      const best = range(from, to)
        .sort((a, b) => history.mass[b]![head]! - history.mass[a]![head]! || a - b)
        .slice(0, this.settings.representatives);
      for (const token of best) {
        const key = this.headOf(history.keys[token]!, head);
        for (let i = 0; i < headDim; i++) result[head * headDim + i]! += key[i]! / best.length;
      }
    }
    return result;
  }

  /** The last chunk's queries, from the local window's far end, times a representative: summed over queries and heads. */
  lookUpScore(layer: number, representative: Float32Array): number {
    const { heads, headDim } = this.model.config;
    const { queries } = this.layers[layer]!;
    let sum = 0;
    for (let at = 0; at < queries.length; at += headDim) {
      const head = (at / headDim) % heads;
      const rotated = this.rotate(queries.subarray(at, at + headDim), this.settings.localTokens - 1);
      sum += dot(rotated, representative.subarray(head * headDim, (head + 1) * headDim));
    }
    return sum;
  }

  private attend(layer: number, { query, keys, values }: LayerRowsOut): Float32Array {
    const { heads, kvHeads, headDim } = this.model.config;
    const [width, channels] = [heads * headDim, kvHeads * headDim];
    const history = this.layers[layer]!;
    history.queries = query;
    const count = query.length / width;
    const remembered = this.choose(layer);
    for (let i = 0; i < count; i++) {
      history.keys.push(keys.slice(i * channels, (i + 1) * channels));
      history.values.push(values.slice(i * channels, (i + 1) * channels));
      history.mass.push(new Float64Array(heads));
    }
    const attended = new Float32Array(query.length);
    for (let i = 0; i < count; i++) {
      for (let head = 0; head < heads; head++) {
        const own = query.subarray(i * width + head * headDim, i * width + (head + 1) * headDim);
        attended.set(this.attendRow(history, own, head, this.tokens + i, remembered), i * width + head * headDim);
      }
    }
    return attended;
  }

  /** The tokens before the pending ones that a chunk attends to: the initial ones and the best blocks'. */
  private choose(layer: number): number[] {
    const scores = Array.from({ length: this.blocks }, (_, block) => {
      const tokens = this.blockTokens(block);
      return this.lookUpScore(layer, this.representative(layer, tokens[0]!, tokens.at(-1)! + 1));
    });
    const order = scores.map((_, block) => block).sort((a, b) => scores[b]! - scores[a]! || a - b);
    const best = order.slice(0, this.settings.topBlocks).sort((a, b) => a - b);
    this.chosen[layer] = best;
    return [...range(0, this.initial), ...best.flatMap((block) => this.blockTokens(block))];
  }

  /** One query of one head: a token `distance` back is met at that distance, at most the local window's. */
  private attendRow(history: History, query: Float32Array, head: number, at: number, remembered: number[]) {
    const { localTokens, initTokens, blockTokens } = this.settings;
    const firstPending = this.blocks > 0 ? initTokens + this.blocks * blockTokens : this.initial;
    const tokens = [...remembered, ...range(firstPending, at + 1)];
    const scores = tokens.map((token) => {
      const rotated = this.rotate(query, Math.min(at - token, localTokens - 1));
      return dot(rotated, this.headOf(history.keys[token]!, head)) / Math.sqrt(this.model.config.headDim);
    });
    const largest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - largest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const result = new Float64Array(this.model.config.headDim);
    for (const [i, token] of tokens.entries()) {
      const share = weights[i]! / total;
      if (at - token < localTokens) history.mass[token]![head]! += share;
      this.headOf(history.values[token]!, head).forEach((value, j) => (result[j]! += share * value));
    }
    return Float32Array.from(result);
  }

  private rotate(vector: Float32Array, distance: number): Float32Array {
    const { cos, sin, half } = this.rope;
    const at = distance * half;
    return vector.map((x, i) => {
      const [c, s] = [cos[at + (i % half)]!, sin[at + (i % half)]!];
      return i < half ? x * c - vector[i + half]! * s : x * c + vector[i - half]! * s;
    });
  }

  private headOf(row: Float32Array, head: number): Float32Array {
    const { heads, kvHeads, headDim } = this.model.config;
    const from = Math.floor((head * kvHeads) / heads) * headDim;
    return row.subarray(from, from + headDim);
  }

  private blockTokens(block: number): number[] {
    const from = this.settings.initTokens + block * this.settings.blockTokens;
    return range(from, from + this.settings.blockTokens);
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
