/** A loaded model: prefill, decode and logits over attention windows. It knows nothing of files or blocks. */
import { join } from "node:path";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { newNames } from "../graph/decoder.ts";
import { type RopeTable, ropeTable } from "../graph/rope.ts";
import type { LayerKv } from "../blocks/block.ts";
import type { ModelConfig, TokenizerFiles } from "../models/model-source.ts";
import { floats, floatTensor, Session, type Tensor } from "../runtime/session.ts";
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";
import { createTokenizer } from "../tokenizer/tokenizer.ts";
import { AttentionWindow } from "./attention-window.ts";
import type { ConvertedModel } from "./converted-model.ts";
import { type AttentionHeads, observedLayers, projectedLayers } from "./observed-layers.ts";
import { decodeFeeds, prefillFeeds } from "./prefill-feeds.ts";

/** What one prefill run leaves behind. */
export interface PrefillResult {
  /** New keys (un-rotated) and values, [tokens, kvHeads * headDim] a layer. */
  kv: LayerKv;
  /** After the final norm, [tokens, hidden]; empty unless asked for. */
  hidden: Float32Array;
  /** Un-rotated queries of the observed layers, [tokens, heads * headDim]; empty unless asked for. */
  queries: Map<number, Float32Array>;
  /** The residual stream behind each of `projectedLayers`, [tokens, hidden]; empty unless asked for. */
  residuals: Map<number, Float32Array>;
}

/** What one decode step leaves behind. */
export interface DecodeResult {
  logits: Float32Array;
  /** Attention of the observed layers, [heads, slots + 1]; empty unless asked for. */
  attention: Map<number, Float32Array>;
}

/** What a run puts out besides keys and values. */
export interface PrefillWants {
  hidden?: boolean;
  queries?: boolean;
  residuals?: boolean;
}

/** Sessions and tables of one model. */
export class LanguageModel {
  readonly config: ModelConfig;
  readonly hash: string;
  /** Where its graphs and weights lie. */
  readonly folder: string;
  readonly tokenizer: Tokenizer;
  readonly tokenizerFiles: TokenizerFiles;
  readonly rope: RopeTable;
  /** Positions that the model's graphs know. */
  readonly positions: number;
  /** The attention heads that look up, as the conversion found them. */
  readonly attentionHeads: AttentionHeads;
  /** The layers of those heads: their queries and attention can be put out. */
  readonly observed: readonly number[];
  /** Layers whose residual stream prefill can put out. */
  readonly projected: readonly number[];
  private readonly sessions: { prefill: Session; decode: Session; head: Session };
  private readonly kvOutputs: string[];

  private constructor(converted: ConvertedModel, sessions: LanguageModel["sessions"]) {
    this.config = converted.config;
    this.hash = converted.manifest.hash;
    this.folder = converted.folder;
    this.positions = converted.manifest.positions;
    this.tokenizerFiles = converted.tokenizerFiles;
    this.tokenizer = createTokenizer(converted.tokenizerFiles);
    this.rope = ropeTable(this.config, this.positions);
    this.attentionHeads = converted.manifest.heads;
    this.observed = observedLayers(this.attentionHeads);
    this.projected = projectedLayers(this.config);
    this.sessions = sessions;
    this.kvOutputs = Array.from({ length: this.config.layers }, (_, layer) => newNames(layer)).flatMap((names) => [
      names.keys,
      names.values,
    ]);
  }

  /** Loads a converted model's sessions. */
  static async open(converted: ConvertedModel, threads: number): Promise<LanguageModel> {
    const opened: Session[] = [];
    const load = async (name: string) => {
      const session = await Session.open(join(converted.folder, name), { threads });
      opened.push(session);
      return session;
    };
    try {
      const sessions = {
        prefill: await load("prefill.onnx"),
        decode: await load("decode.onnx"),
        head: await load("head.onnx"),
      };
      return new LanguageModel(converted, sessions);
    } catch (error) {
      await Promise.all(opened.map((session) => session.close()));
      throw error;
    }
  }

  /** An empty window for `capacity` tokens. */
  window(capacity: number): AttentionWindow {
    return new AttentionWindow(this.config, this.rope, capacity);
  }

  /**
   * Runs up to `PREFILL_ROWS` tokens behind `window`, which is not changed. Equal calls give equal bits; another number of
   * tokens or slots does not, as sums round differently and int8 products carry that on.
   */
  async run(
    window: AttentionWindow,
    tokens: Int32Array,
    positions: Int32Array,
    wants: PrefillWants = {},
  ): Promise<PrefillResult> {
    const queries = wants.queries ? this.observed.map((layer) => `query.${layer}`) : [];
    const residuals = wants.residuals ? this.projected.map((layer) => `residual.${layer}`) : [];
    const fetches = [...this.kvOutputs, ...(wants.hidden ? ["hidden"] : []), ...queries, ...residuals];
    const outputs = await this.sessions.prefill.run(prefillFeeds(window, tokens, positions), fetches);
    return {
      kv: this.layerKv(outputs),
      hidden: wants.hidden ? floats(outputs, "hidden") : new Float32Array(0),
      queries: new Map(wants.queries ? this.observed.map((layer) => [layer, floats(outputs, `query.${layer}`)]) : []),
      residuals: new Map(
        wants.residuals ? this.projected.map((layer) => [layer, floats(outputs, `residual.${layer}`)]) : [],
      ),
    };
  }

  /**
   * Reads tokens into the window, at consecutive positions from `position`.
   * @returns the last token's final hidden state, [hidden]
   */
  async read(
    window: AttentionWindow,
    tokens: Int32Array,
    position: number,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    let last = new Float32Array(0);
    for (let from = 0; from < tokens.length; from += PREFILL_ROWS) {
      signal?.throwIfAborted();
      const part = tokens.subarray(from, from + PREFILL_ROWS);
      const positions = Int32Array.from(part, (_, i) => position + from + i);
      const { kv, hidden } = await this.run(window, part, positions, { hidden: true });
      window.append(kv, 0, part.length, position + from);
      last = hidden.slice(-this.config.hidden);
    }
    return last;
  }

  /** Like `read`; returns the logits after the last token, [vocabulary]. */
  async prefill(
    window: AttentionWindow,
    tokens: Int32Array,
    position: number,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    return this.logits(await this.read(window, tokens, position, signal));
  }

  /** Logits [rows, vocabulary] of final hidden states [rows, hidden]. */
  async logits(hidden: Float32Array): Promise<Float32Array> {
    const rows = hidden.length / this.config.hidden;
    const outputs = await this.sessions.head.run({ hidden: floatTensor(hidden, [1, rows, this.config.hidden]) });
    return floats(outputs, "logits");
  }

  /** Runs one token at a position and appends it to the window. */
  async decode(
    window: AttentionWindow,
    token: number,
    position: number,
    wantsAttention = false,
  ): Promise<DecodeResult> {
    const names = wantsAttention ? this.observed.map((layer) => `attention.${layer}`) : [];
    const outputs = await this.sessions.decode.run(decodeFeeds(window, token, position), [
      ...this.kvOutputs,
      "hidden",
      ...names,
    ]);
    window.append(this.layerKv(outputs), 0, 1, position);
    const attention = new Map(
      wantsAttention ? this.observed.map((layer) => [layer, floats(outputs, `attention.${layer}`)]) : [],
    );
    return { logits: await this.logits(floats(outputs, "hidden")), attention };
  }

  async close(): Promise<void> {
    const { prefill, decode, head } = this.sessions;
    await Promise.all([prefill.close(), decode.close(), head.close()]);
  }

  private layerKv(outputs: Readonly<Record<string, Tensor>>): LayerKv {
    const names = Array.from({ length: this.config.layers }, (_, layer) => newNames(layer));
    return {
      keys: names.map((name) => floats(outputs, name.keys)),
      values: names.map((name) => floats(outputs, name.values)),
    };
  }
}
