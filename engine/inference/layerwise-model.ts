/** A loaded model run layer by layer, so that a memory can stand between a layer's queries and its attention. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSplitAttention, writeStage } from "../graph/layer-graph.ts";
import { readPackedModel } from "../graph/packed-layers.ts";
import type { ModelConfig } from "../models/model-source.ts";
import { floats, floatTensor, integerTensor, Session, type Tensor } from "../runtime/session.ts";
import type { LanguageModel } from "./language-model.ts";

/** A layer's new rows, un-rotated: queries [T, heads * headDim], keys and values [T, kvHeads * headDim]. */
export interface LayerRowsOut {
  query: Float32Array;
  keys: Float32Array;
  values: Float32Array;
}

/**
 * What `T` queries attend to. Near keys stand at positions 0, 1, … and far keys, all of them, at position 0; both un-rotated,
 * [rows, kvHeads * headDim] like the values. There is at least one far row: where none is wanted, any with a closed bias.
 */
export interface SplitAttention {
  query: Float32Array; // [T, heads * headDim], un-rotated
  nearKeys: Float32Array;
  nearValues: Float32Array;
  farKeys: Float32Array;
  farValues: Float32Array;
  /** 0 where a row may look, far below 0 elsewhere, [T, far + near]. */
  bias: Float32Array;
  /** Position of the first query among the near keys; the others follow. */
  position: number;
  /** Position from which every query meets the far keys. */
  farPosition: number;
}

/** What attention gives: [T, heads * headDim], and the weights summed over its rows [heads, far + near]. */
export interface Attended {
  attended: Float32Array;
  mass: Float32Array;
}

/** What a layer goes on with, `attended` [T, heads * headDim], and where there is something, what the last residual gets of it, [T, hidden]. */
export interface AttendedLayer {
  attended: Float32Array;
  added?: Float32Array;
}

/** Decides what layer `layer` attends to. */
export type AttendLayer = (layer: number, rows: LayerRowsOut) => Promise<AttendedLayer>;

/**
 * One small session a layer, with the weights of the model's prefill graph where they lie on disk. For methods whose
 * layers choose for themselves; it takes the memory of a second set of weights while it is open.
 */
export class LayerwiseModel {
  readonly model: LanguageModel;
  readonly config: ModelConfig;
  /** `stages[s]` ends layer s - 1 and begins layer s. */
  private readonly stages: readonly Session[];
  private readonly attention: Session;
  private readonly finalNorm: Float32Array;

  private constructor(model: LanguageModel, stages: readonly Session[], attention: Session, finalNorm: Float32Array) {
    this.model = model;
    this.config = model.config;
    this.stages = stages;
    this.attention = attention;
    this.finalNorm = finalNorm;
  }

  /** Opens the layers of `model`, which must stay open. @throws RepoMemoryError "model-invalid" */
  static async open(model: LanguageModel, threads: number): Promise<LayerwiseModel> {
    const { config, folder } = model;
    const stored = readPackedModel(await readFile(join(folder, "prefill.onnx")), config);
    const opened: Session[] = [];
    const load = async (graph: Uint8Array) => {
      const session = await Session.open(graph, { threads, dataFolder: folder });
      opened.push(session);
      return session;
    };
    try {
      const attention = await load(writeSplitAttention(config, stored.rope, stored.positions));
      const stages: Session[] = [];
      for (let s = 0; s <= config.layers; s++) stages.push(await load(writeStage(config, stored.model, s)));
      return new LayerwiseModel(model, stages, attention, stored.model.finalNorm);
    } catch (error) {
      await Promise.all(opened.map((session) => session.close()));
      throw error;
    }
  }

  /**
   * Runs tokens through all layers; `attend` is called once a layer, in order.
   * @returns the tokens' final hidden states, [T, hidden]
   */
  async run(tokens: Int32Array, attend: AttendLayer): Promise<Float32Array> {
    const T = tokens.length;
    const width = this.config.heads * this.config.headDim;
    let feeds: Record<string, Tensor> = { tokens: integerTensor(tokens, [1, T]) };
    let late: Float32Array | undefined;
    for (const [layer, stage] of this.stages.entries()) {
      const outputs = await stage.run(feeds);
      if (layer === this.config.layers) {
        return late ? this.normed(sumInto(late, floats(outputs, "next_residual"))) : floats(outputs, "hidden");
      }
      const residual = outputs["next_residual"];
      if (!residual) throw new TypeError(`Stage ${layer} gave no residual`);
      const [query, keys, values] = [floats(outputs, "query"), floats(outputs, "keys"), floats(outputs, "values")];
      const { attended, added } = await attend(layer, { query, keys, values });
      if (added) late = late ? sumInto(late, added) : added.slice();
      feeds = { attended: floatTensor(attended, [1, T, width]), residual };
    }
    throw new TypeError("A model has no stages");
  }

  /** The final norm of residuals [T, hidden], in place. */
  private normed(residuals: Float32Array): Float32Array {
    const { hidden, normEpsilon } = this.config;
    for (let from = 0; from < residuals.length; from += hidden) {
      const row = residuals.subarray(from, from + hidden);
      const squares = row.reduce((sum, value) => sum + value * value, 0);
      const scale = 1 / Math.sqrt(squares / hidden + normEpsilon);
      for (let i = 0; i < hidden; i++) row[i] = row[i]! * scale * (this.finalNorm[i] ?? 0);
    }
    return residuals;
  }

  /** Attention of one layer over far and near tokens, one softmax over both. */
  async attend(inputs: SplitAttention): Promise<Attended> {
    const { heads, kvHeads, headDim } = this.config;
    const rows = inputs.query.length / (heads * headDim);
    const width = kvHeads * headDim;
    const [near, far] = [inputs.nearKeys.length / width, inputs.farKeys.length / width];
    const consecutive = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
    const outputs = await this.attention.run({
      query: floatTensor(inputs.query, [1, rows, heads * headDim]),
      near_keys: floatTensor(inputs.nearKeys, [1, near, width]),
      near_values: floatTensor(inputs.nearValues, [1, near, width]),
      far_keys: floatTensor(inputs.farKeys, [1, far, width]),
      far_values: floatTensor(inputs.farValues, [1, far, width]),
      query_positions: integerTensor(consecutive(inputs.position, rows), [1, rows]),
      near_positions: integerTensor(consecutive(0, near), [1, near]),
      far_positions: integerTensor(new Int32Array(rows).fill(inputs.farPosition), [1, rows]),
      bias: floatTensor(inputs.bias, [rows, 1, far + near]),
    });
    return { attended: floats(outputs, "attended"), mass: floats(outputs, "mass") };
  }

  /** Closes the layers; the model stays open. */
  async close(): Promise<void> {
    await Promise.all([this.attention, ...this.stages].map((session) => session.close()));
  }
}

function sumInto(sum: Float32Array, added: Float32Array): Float32Array {
  for (let i = 0; i < sum.length; i++) sum[i]! += added[i] ?? 0;
  return sum;
}
