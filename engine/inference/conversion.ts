/**
 * Making a converted model: packs the weights, measures activations on code, checks what int8 prefill costs, and finds the
 * heads that look up.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { CALIBRATION_TEXT, CHECK_TEXT } from "../graph/calibration-text.ts";
import { type DecoderOptions, type PackedLayer, writeDecoder, writeHead } from "../graph/decoder.ts";
import { packNBits } from "../graph/linear.ts";
import { type LayerPeaks, packEnds, packLayer, packLayerInt8, type Product } from "../graph/pack-model.ts";
import { ropeTable } from "../graph/rope.ts";
import { WeightFile } from "../graph/weight-file.ts";
import type { ModelSource } from "../models/model-source.ts";
import type { CallContext } from "../protocol/requests.ts";
import { floats, Session } from "../runtime/session.ts";
import { createTokenizer } from "../tokenizer/tokenizer.ts";
import { AttentionWindow } from "./attention-window.ts";
import { CONVERTER_VERSION, type ConvertedManifest, writeConverted } from "./converted-model.ts";
import { findHeads } from "./find-heads.ts";
import { klDivergence } from "./logits.ts";
import { MADE_FILES } from "./made-code.ts";
import { type AttentionHeads, observedLayers, projectedLayers } from "./observed-layers.ts";
import { prefillFeeds } from "./prefill-feeds.ts";

/** Longest window that the graphs know positions for; rope tables grow with it. */
const MAX_POSITIONS = 16_384;
/** int8 prefill is used while its answers stay this close to the decode path's, in nats a token on other code. */
const MAX_PREFILL_KL = 0.02;
/** A channel this many times the median is beyond what smoothing repairs: such a product stays in 8-bit blocks. */
const OUTLIER_RATIO = 300;
/** Of the made code that heads are found by. */
const HEAD_SEED = 1;

/** One conversion of a checkpoint into a folder. */
export class Conversion {
  private readonly source: ModelSource;
  private readonly folder: string;
  private readonly threads: number;
  private readonly context: CallContext;
  private steps = 0;

  constructor(source: ModelSource, folder: string, threads: number, context: CallContext) {
    this.source = source;
    this.folder = folder;
    this.threads = threads;
    this.context = context;
  }

  /** Writes everything; the manifest last. @param hash names the weights */
  async run(hash: string): Promise<void> {
    const { config } = this.source;
    const positions = Math.min(config.contextTokens, MAX_POSITIONS);
    const { ends, rope, layers, finalNorm } = await this.packDecode(positions);
    const write = (name: string, packed: PackedLayer[], options: Partial<DecoderOptions>) => {
      const model = { embedding: ends.embedding, layers: packed, finalNorm };
      const all: DecoderOptions = { mode: "prefill", positions, rope, ...options };
      return writeFile(join(this.folder, name), writeDecoder(config, model, all));
    };
    await writeFile(join(this.folder, "head.onnx"), writeHead(config, ends.output));
    await write("reference.onnx", layers, { peaks: true });
    const { prefill, prefillLayers } = await this.makePrefill(write, layers);
    await rm(join(this.folder, "reference.onnx"));
    const heads = await this.findHeads();
    const observed = observedLayers(heads);
    await write("prefill.onnx", prefillLayers, { queriesOf: observed, hiddenOf: projectedLayers(config) });
    await write("decode.onnx", layers, { mode: "decode", attentionOf: observed });
    const manifest: ConvertedManifest = { version: CONVERTER_VERSION, hash, config, positions, prefill, heads };
    await writeConverted(this.folder, manifest, this.source.tokenizerFiles);
  }

  /** The decode path's weights, which prefill falls back on and shares its embedding with. */
  private async packDecode(positions: number) {
    const file = await WeightFile.create(join(this.folder, "decode.bin"));
    try {
      const ends = await packEnds(this.source, this.source.config, file);
      const table = ropeTable(this.source.config, positions);
      const rope = { cos: await file.append(table.cos), sin: await file.append(table.sin) };
      const layers = await this.packLayers((layer) => packLayer(this.source, layer, packNBits, file));
      return { ends, rope, layers, finalNorm: await this.source.read("final_norm") };
    } finally {
      // Also after an abort: the folder is deleted then, and Windows deletes no open file.
      await file.close();
    }
  }

  private async packLayers(pack: (layer: number) => Promise<PackedLayer>): Promise<PackedLayer[]> {
    const layers: PackedLayer[] = [];
    for (let layer = 0; layer < this.source.config.layers; layer++) {
      this.context.signal.throwIfAborted();
      layers.push(await pack(layer));
      this.progress();
    }
    return layers;
  }

  private progress(): void {
    this.context.onProgress({
      phase: "convert",
      done: ++this.steps,
      total: this.source.config.layers * 2 + MADE_FILES,
      unit: "steps",
      rate: 0,
      secondsLeft: undefined,
      detail: this.source.config.name,
    });
  }

  /** Looks for the heads on the way that blocks and questions will take: the prefill graph, behind the prefix. */
  private findHeads(): Promise<AttentionHeads> {
    const { config, tokenizerFiles } = this.source;
    return findHeads({ folder: this.folder, config, tokenizerFiles }, HEAD_SEED, this.threads, () => {
      this.context.signal.throwIfAborted();
      this.progress();
    });
  }

  /** Writes `prefill.onnx`: int8 where that stays near the decode path, else the decode path's own weights. */
  private async makePrefill(
    write: (name: string, layers: PackedLayer[], options: Partial<DecoderOptions>) => Promise<void>,
    layers: PackedLayer[],
  ): Promise<{ prefill: ConvertedManifest["prefill"]; prefillLayers: PackedLayer[] }> {
    const tokenizer = createTokenizer(this.source.tokenizerFiles);
    const peaks = await this.withSession("reference.onnx", (reference) =>
      this.measurePeaks(reference, tokenizer.encode(CALIBRATION_TEXT)),
    );
    const packed = await this.packInt8(peaks);
    await write("prefill.onnx", packed, {});
    const check = tokenizer.encode(CHECK_TEXT).subarray(0, this.runTokens());
    const kl = klDivergence(
      await this.logits("reference.onnx", check),
      await this.logits("prefill.onnx", check),
      this.source.config.vocabulary,
    );
    if (kl <= MAX_PREFILL_KL) return { prefill: { format: "int8", kl }, prefillLayers: packed };
    await write("prefill.onnx", layers, {});
    await rm(join(this.folder, "prefill.bin"));
    return { prefill: { format: "nbits", kl }, prefillLayers: layers };
  }

  private async packInt8(peaks: readonly LayerPeaks[]): Promise<PackedLayer[]> {
    const file = await WeightFile.create(join(this.folder, "prefill.bin"));
    try {
      return await this.packLayers(async (layer) => {
        const own = peaks[layer];
        if (!own) throw new RangeError(`No peaks were measured for layer ${layer}`);
        return packLayerInt8(this.source, layer, own, outliers(own), file);
      });
    } finally {
      await file.close();
    }
  }

  /** Runs code through the model and keeps, for each product, each input channel's largest magnitude. */
  private async measurePeaks(session: Session, tokens: Int32Array): Promise<LayerPeaks[]> {
    const { layers } = this.source.config;
    const peaks: LayerPeaks[] = [];
    const rows = this.runTokens();
    for (let from = 0; from < tokens.length; from += rows) {
      const outputs = await session.run(this.feeds(tokens.subarray(from, from + rows)));
      for (let layer = 0; layer < layers; layer++) {
        const read = (product: Product) => floats(outputs, `peak.${layer}.${product}`);
        const own = { qkv: read("qkv"), output: read("output"), gateUp: read("gateUp"), down: read("down") };
        const known = peaks[layer];
        peaks[layer] = known ? mergePeaks(known, own) : own;
      }
    }
    return peaks;
  }

  /** Tokens of one run: a model may know fewer positions than a run has room for. */
  private runTokens(): number {
    return Math.min(PREFILL_ROWS, this.source.config.contextTokens);
  }

  private feeds(tokens: Int32Array) {
    const window = new AttentionWindow(this.source.config, ropeTable(this.source.config, PREFILL_ROWS), 0);
    const positions = Int32Array.from(tokens, (_, i) => i);
    return prefillFeeds(window, tokens, positions);
  }

  private async logits(graph: string, tokens: Int32Array): Promise<Float32Array> {
    const { hidden } = await this.withSession(graph, (session) => session.run(this.feeds(tokens), ["hidden"]));
    if (!hidden) throw new TypeError("The graph gave no hidden states");
    return this.withSession("head.onnx", async (head) => floats(await head.run({ hidden }), "logits"));
  }

  private async withSession<T>(graph: string, use: (session: Session) => Promise<T>): Promise<T> {
    const session = await Session.open(join(this.folder, graph), { threads: this.threads });
    try {
      return await use(session);
    } finally {
      await session.close();
    }
  }
}

function mergePeaks(a: LayerPeaks, b: LayerPeaks): LayerPeaks {
  const merge = (x: Float32Array, y: Float32Array) => x.map((value, i) => Math.max(value, y[i] ?? 0));
  return {
    qkv: merge(a.qkv, b.qkv),
    output: merge(a.output, b.output),
    gateUp: merge(a.gateUp, b.gateUp),
    down: merge(a.down, b.down),
  };
}

/** Only `down` meets such outliers: its input is a product of two activations. */
function outliers(peaks: LayerPeaks): Set<Product> {
  const sorted = peaks.down.toSorted();
  const median = sorted[sorted.length >> 1] ?? 0;
  const largest = sorted.at(-1) ?? 0;
  return new Set(largest > OUTLIER_RATIO * median ? (["down"] as const) : []);
}
