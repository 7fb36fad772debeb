/** LongMem at work: the frozen backbone reads on, and a side network beside it reads a bank. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CHUNK_ROWS } from "../graph/attention.ts";
import { newNames, writeDecoder } from "../graph/decoder.ts";
import { readPackedModel } from "../graph/packed-layers.ts";
import { tapName, writeSideNet } from "../graph/side-graph.ts";
import { LAYERS_PER_SIDE_LAYER, type LongMemWeights } from "../memory/longmem-weights.ts";
import { type Feeds, floats, floatTensor, Session, type Tensor } from "../runtime/session.ts";
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";
import { AttentionWindow } from "./attention-window.ts";
import type { DecodedToken, DecodingState } from "./decoding-state.ts";
import type { LanguageModel } from "./language-model.ts";
import { prefillFeeds } from "./prefill-feeds.ts";

/** What a run leaves: final hidden states, and what the last reader gave to which rows of the bank. */
interface SideRun {
  hidden: Float32Array; // [tokens, hidden]
  weights: Float32Array; // [kvHeads, tokens, heads / kvHeads, retrieved]
  rows: BigInt64Array; // likewise
  gates: Float32Array; // [heads]
}

/** Keys and values of what was read in this chat: the backbone's and the side network's. */
interface Windows {
  backbone: AttentionWindow;
  side: AttentionWindow;
}

/** The sessions of a backbone and its side network. It stays open for all questions of a folder. */
export class LongMemModel {
  readonly model: LanguageModel;
  readonly weights: LongMemWeights;
  private readonly backbone: Session;
  private readonly side: Session;

  private constructor(model: LanguageModel, weights: LongMemWeights, backbone: Session, side: Session) {
    this.model = model;
    this.weights = weights;
    this.backbone = backbone;
    this.side = side;
  }

  /** Opens the graphs over the weights of `model`, which must stay open. @throws RepoMemoryError "model-invalid" */
  static async open(model: LanguageModel, weights: LongMemWeights, threads: number): Promise<LongMemModel> {
    const { config, folder } = model;
    // The weights of the decode path: those of int8 prefill have other norms folded into them.
    const stored = readPackedModel(await readFile(join(folder, "decode.onnx")), config);
    const { rope, positions } = stored;
    const tapped = writeDecoder(config, stored.model, {
      mode: "prefill",
      rope,
      positions,
      queriesOf: [weights.bankLayer],
      hiddenOf: tappedLayers(weights),
    });
    const layers = weights.layers.map((trained, i) => {
      const packed = stored.model.layers[LAYERS_PER_SIDE_LAYER * (weights.firstLayer + i)];
      if (!packed) throw new RangeError(`A model of ${config.layers} layers has no side layer ${i}`);
      return { trained, packed };
    });
    const { finalNorm } = stored.model;
    const { chunk, retrieved, usualBank } = weights;
    const found = retrieved / chunk;
    const side = writeSideNet(config, layers, { finalNorm, rope, positions, chunk, found, usualBank });
    const options = { threads, dataFolder: folder };
    const backbone = await Session.open(tapped, options);
    try {
      return new LongMemModel(model, weights, backbone, await Session.open(side, options));
    } catch (error) {
      await backbone.close();
      throw error;
    }
  }

  /** A text at its beginning, with a bank (the feeds of `MemoryBank`). */
  begin(bank: Feeds): LongMemState {
    const { config, rope } = this.model;
    const side = new AttentionWindow({ ...config, layers: this.weights.layers.length }, rope, 0);
    return new LongMemState(this, bank, { backbone: this.model.window(0), side });
  }

  /** Runs tokens behind both windows, which take their keys and values. */
  async run(tokens: Int32Array, { backbone, side }: Windows, bank: Feeds): Promise<SideRun> {
    const { weights } = this;
    const { hidden, heads, headDim } = this.model.config;
    const count = tokens.length;
    const position = backbone.length;
    const positions = Int32Array.from(tokens, (_, i) => position + i);
    const below = await this.backbone.run(prefillFeeds(backbone, tokens, positions));
    const { tokens: _, ...feeds } = prefillFeeds(side, tokens, positions);
    const taps = tappedLayers(weights).map((layer, i): [string, Tensor] => [
      tapName(i),
      floatTensor(floats(below, `residual.${layer}`), [1, count, hidden]),
    ]);
    const query = floatTensor(floats(below, `query.${weights.bankLayer}`), [1, count, heads * headDim]);
    const above = await this.side.run({ ...feeds, ...bank, ...Object.fromEntries(taps), query });
    appendNew(backbone, below, count, position);
    appendNew(side, above, count, position);
    const [paid, gates] = [floats(above, "memory_weights"), floats(above, "memory_gates")];
    return { hidden: floats(above, "hidden"), weights: paid, rows: rowsOf(above), gates };
  }

  async close(): Promise<void> {
    await this.side.close();
    await this.backbone.close();
  }
}

/** The layers behind which the backbone's residual goes into a side layer, and the last. */
function tappedLayers({ firstLayer, layers }: LongMemWeights): number[] {
  return Array.from({ length: layers.length + 1 }, (_, i) => LAYERS_PER_SIDE_LAYER * (firstLayer + i) - 1);
}

function appendNew(
  window: AttentionWindow,
  outputs: Readonly<Record<string, Tensor>>,
  count: number,
  position: number,
): void {
  const names = Array.from({ length: window.shape.layers }, (_, layer) => newNames(layer));
  const keys = names.map((name) => floats(outputs, name.keys));
  const values = names.map((name) => floats(outputs, name.values));
  window.append({ keys, values }, 0, count, position);
}

function rowsOf(outputs: Readonly<Record<string, Tensor>>): BigInt64Array {
  const data = outputs["memory_rows"]?.data;
  if (data instanceof BigInt64Array) return data;
  throw new TypeError("The side network gave no rows");
}

/** One answer's place in a text: the bank does not change, what was read does. */
export class LongMemState implements DecodingState {
  readonly tokenizer: Tokenizer;
  readonly positions: number;
  private readonly owner: LongMemModel;
  private readonly bank: Feeds;
  private readonly windows: Windows;
  private marked = 0;

  constructor(owner: LongMemModel, bank: Feeds, windows: Windows) {
    this.tokenizer = owner.model.tokenizer;
    this.positions = owner.model.positions;
    this.owner = owner;
    this.bank = bank;
    this.windows = windows;
  }

  get length(): number {
    return this.windows.backbone.length;
  }

  async read(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    const hidden = await this.hidden(tokens, signal);
    return this.owner.model.logits(hidden.slice(-this.owner.model.config.hidden));
  }

  /** Final hidden states of the tokens, [tokens, hidden]. */
  async hidden(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    const { hidden } = this.owner.model.config;
    const states = new Float32Array(tokens.length * hidden);
    for (let from = 0; from < tokens.length; from += CHUNK_ROWS) {
      signal?.throwIfAborted();
      const part = tokens.subarray(from, from + CHUNK_ROWS);
      const run = await this.owner.run(part, this.windows, this.bank);
      states.set(run.hidden, from * hidden);
    }
    return states;
  }

  /** The attention is what the last reader gave to rows of the bank, under the bank's layer: [heads, rows of the bank]. */
  async decode(token: number): Promise<DecodedToken> {
    const { model, weights: trained } = this.owner;
    const { hidden, weights, rows, gates } = await this.owner.run(Int32Array.of(token), this.windows, this.bank);
    const width = this.bank["bank_bias"]?.dims[0] ?? 0;
    const spread = spreadWeights(weights, rows, model.config.heads, width, gates);
    const attention = { weights: new Map([[trained.bankLayer, spread]]), width };
    return { logits: await model.logits(hidden), attention };
  }

  mark(): void {
    this.marked = this.length;
  }

  rewind(): void {
    this.windows.backbone.truncate(this.marked);
    this.windows.side.truncate(this.marked);
  }
}

/** One token's weights [heads, retrieved] by the rows that they are of, [heads, width], behind the gates. */
function spreadWeights(
  weights: Float32Array,
  rows: BigInt64Array,
  heads: number,
  width: number,
  gates: Float32Array,
): Float32Array {
  const spread = new Float32Array(heads * width);
  const retrieved = weights.length / heads;
  for (let i = 0; i < weights.length; i++) {
    const head = Math.floor(i / retrieved);
    spread[head * width + Number(rows[i])]! += weights[i]! * (gates[head] ?? 0);
  }
  return spread;
}
