/** A loaded model: prefill, decode and logits over attention windows. It knows nothing of files or blocks. */
import { join } from "node:path";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { type RopeTable, ropeTable } from "../graph/rope.ts";
import type { ModelConfig, TokenizerFiles } from "../models/model-source.ts";
import { floats, floatTensor, Session } from "../runtime/session.ts";
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";
import { createTokenizer } from "../tokenizer/tokenizer.ts";
import { AttentionWindow } from "./attention-window.ts";
import type { ConvertedModel } from "./converted-model.ts";
import type { DeviceModel } from "./device-model.ts";
import { DeviceUse, headSums } from "./device-use.ts";
import { type AttentionHeads, observedLayers, projectedLayers } from "./observed-layers.ts";
import { kvOutputs, layerKv } from "./kv-outputs.ts";
import { decodeFeeds, prefillFeeds, type WindowView } from "./prefill-feeds.ts";
import type { PrefillResult, PrefillWants } from "./prefill-result.ts";
import { batchRows, splitRun } from "./text-batch.ts";

/** What one decode step leaves behind. */
export interface DecodeResult {
  logits: Float32Array;
  /**
   * Attention of the observed layers, [heads, slots + 1]; empty unless asked for. From a device only its sum over the retrieval heads
   * comes back, in the place of the first of them.
   */
  attention: Map<number, Float32Array>;
}

/** What a decode step puts out besides logits. */
export interface DecodeWants {
  attention?: boolean;
  /** Whether the best logits are enough, the others minus infinity: a device sends no more. */
  best?: boolean;
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
  private device: DeviceUse | undefined;

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
    this.kvOutputs = kvOutputs(this.config.layers);
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

  /**
   * From now on runs are computed on a device, and on the CPU again once it fails: windows and what is being written go on.
   * @param device closed with the model @param onLost called when it fails
   * @param onFull called each time that it has no room for something, which is computed on the CPU
   */
  useDevice(
    device: DeviceModel,
    onLost: (error: Error) => void,
    onFull: (error: Error) => void = () => undefined,
  ): void {
    this.device = new DeviceUse(device, onLost, onFull);
  }

  /** What `compute` gives while runs are computed on a device; undefined where they are not, or not any more. */
  async onDevice<T>(compute: () => Promise<T>): Promise<T | undefined> {
    return this.device?.compute(compute);
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
    const run = await this.device?.compute((device) => device.run(window, { tokens, positions }, wants));
    return run ?? this.runHere(window, tokens, positions, wants);
  }

  /** Tokens that a call of `runEach` should have for full speed. */
  get batchRows(): number {
    return Math.min(this.device?.batchRows ?? PREFILL_ROWS, this.positions);
  }

  /** Tokens that a window should have at most: those of a larger one are computed on the CPU, where a device has little memory. */
  get mostSlots(): number {
    return this.device?.mostSlots ?? Infinity;
  }

  /**
   * Runs texts of up to `PREFILL_ROWS` tokens, each behind `window` as if it were alone. A device takes all of them in one run, where no row
   * sees another text's: what comes out of a text is the same to the last bits, which hang on the run's size.
   */
  async runEach(window: AttentionWindow, texts: readonly Int32Array[], wants: PrefillWants): Promise<PrefillResult[]> {
    const run = await this.device?.compute((device) => device.run(window, batchRows(window.length, texts), wants));
    if (run) return splitRun(run, texts);
    const results: PrefillResult[] = [];
    for (const text of texts) {
      const positions = Int32Array.from(text, (_, i) => window.length + i);
      results.push(await this.runHere(window, text, positions, wants));
    }
    return results;
  }

  /**
   * Runs up to `PREFILL_ROWS` tokens of several texts, each behind slots of its own and knowing nothing of the others; on the CPU.
   * @returns hidden states after the final norm, [tokens, hidden]
   */
  async runViews(
    window: AttentionWindow,
    tokens: Int32Array,
    positions: Int32Array,
    views: readonly WindowView[],
  ): Promise<Float32Array> {
    const outputs = await this.sessions.prefill.run(prefillFeeds(window, tokens, positions, views), ["hidden"]);
    return floats(outputs, "hidden");
  }

  private async runHere(
    window: AttentionWindow,
    tokens: Int32Array,
    positions: Int32Array,
    wants: PrefillWants,
  ): Promise<PrefillResult> {
    await this.restore(window);
    const queries = wants.queries ? this.observed.map((layer) => `query.${layer}`) : [];
    const residuals = wants.residuals ? this.projected.map((layer) => `residual.${layer}`) : [];
    const fetches = [...this.kvOutputs, ...(wants.hidden ? ["hidden"] : []), ...queries, ...residuals];
    const outputs = await this.sessions.prefill.run(prefillFeeds(window, tokens, positions), fetches);
    return {
      kv: layerKv(outputs, this.config.layers),
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
      const hidden = await this.readPart(window, part, positions);
      last = hidden.slice(-this.config.hidden);
    }
    return last;
  }

  /** Reads up to `PREFILL_ROWS` tokens into the window. @returns their final hidden states */
  private async readPart(window: AttentionWindow, tokens: Int32Array, positions: Int32Array): Promise<Float32Array> {
    const isAway = window.awayTokens.length > 0;
    const run = await this.device?.compute((device) =>
      device.run(window, { tokens, positions }, { hidden: true, kv: !isAway }),
    );
    if (run && isAway) {
      window.appendAway(Array.from(tokens, (token, i) => ({ token, position: positions[i] ?? 0 })));
      return run.hidden;
    }
    const { kv, hidden } = run ?? (await this.runHere(window, tokens, positions, { hidden: true }));
    window.append(kv, 0, tokens.length, positions[0] ?? 0);
    // The run left these rows on the device, where the window will be looked for next.
    if (run) window.takeChanges();
    return hidden;
  }

  /** Reads again what a device has read into the window and took along. */
  private async restore(window: AttentionWindow): Promise<void> {
    const away = [...window.awayTokens];
    if (away.length === 0) return;
    window.truncate(window.length - away.length);
    for (let from = 0; from < away.length; from += PREFILL_ROWS) {
      const part = away.slice(from, from + PREFILL_ROWS);
      const [tokens, positions] = [part.map(({ token }) => token), part.map(({ position }) => position)];
      const { kv } = await this.runHere(window, Int32Array.from(tokens), Int32Array.from(positions), {});
      window.append(kv, 0, part.length, positions[0] ?? 0);
    }
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
    wants: DecodeWants = {},
  ): Promise<DecodeResult> {
    const step = await this.device?.compute((device) => this.decodeOn(device, window, token, position, wants));
    if (step) return step;
    await this.restore(window);
    const names = wants.attention ? this.observed.map((layer) => `attention.${layer}`) : [];
    const outputs = await this.sessions.decode.run(decodeFeeds(window, token, position), [
      ...this.kvOutputs,
      "hidden",
      ...names,
    ]);
    window.append(layerKv(outputs, this.config.layers), 0, 1, position);
    const attention = new Map(
      wants.attention ? this.observed.map((layer) => [layer, floats(outputs, `attention.${layer}`)]) : [],
    );
    return { logits: await this.logits(floats(outputs, "hidden")), attention };
  }

  private async decodeOn(
    device: DeviceModel,
    window: AttentionWindow,
    token: number,
    position: number,
    wants: DecodeWants,
  ): Promise<DecodeResult> {
    const { hidden, attention, ...step } = await device.decode(window, token, position);
    const logits = wants.best ? step.logits : await this.logits(hidden);
    const width = window.capacity + 1;
    window.appendAway([{ token, position }]);
    return { logits, attention: wants.attention ? headSums(this, attention, width) : new Map() };
  }

  async close(): Promise<void> {
    const { prefill, decode, head } = this.sessions;
    await this.device?.close();
    await Promise.all([prefill.close(), decode.close(), head.close()]);
  }
}
