/**
 * InfLLM's look-up as published (arXiv 2402.04617), over the blocks of a store: a block is the mean key of the 4 tokens that got
 * most attention in its segment, a question its mean query, all heads of a layer summed. Segments are isolated as the
 * store has them, so it is the look-up alone that is compared.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { float16Bits } from "../../engine/blocks/float16.ts";
import { InfllmStream } from "../../engine/inference/infllm-stream.ts";
import { LayerwiseModel } from "../../engine/inference/layerwise-model.ts";
import type { LoadedModel } from "../../engine/loaded-model.ts";
import { largestScores, PUBLISHED_SETTINGS } from "../../engine/memory/infllm-window.ts";
import { halfToFloat } from "../../engine/models/half-float.ts";
import type { PlacedBlock, StoredSegment } from "../../engine/store/block-reader.ts";
import type { Store } from "../../engine/store/store.ts";
import { type Estimate, proportion } from "./intervals.ts";

/** Segments fit the local window whole: nothing is retired, and only the look-up's vectors are taken. */
const ISOLATED = { ...PUBLISHED_SETTINGS, initTokens: 0, topBlocks: 0 };

/** What an index is made of. */
export interface InfllmIndexOptions {
  loaded: Pick<LoadedModel, "model" | "encoder" | "prompt">;
  store: Store;
  /** Where vectors are kept between runs: making them costs as much as reading the folder. */
  dataDir: string;
  threads: number;
  tell: (text: string) => void;
}

/** The best blocks for one question. */
export interface InfllmRanking {
  /** All layers' scores summed: one ranking, though InfLLM has no such thing. */
  summed: PlacedBlock[];
  /** As published, each layer for itself. */
  layers: PlacedBlock[][];
}

/** Every block's representatives, layer by layer. */
export class InfllmIndex {
  private readonly base: InfllmStream;
  private readonly layerwise: LayerwiseModel;
  private readonly tokenize: (text: string) => Int32Array;
  private readonly blocks: readonly PlacedBlock[];
  /** One row a block, [layers * heads * headDim]. */
  private readonly vectors: ReadonlyMap<number, Float32Array>;

  private constructor(
    base: InfllmStream,
    layerwise: LayerwiseModel,
    tokenize: (text: string) => Int32Array,
    blocks: readonly PlacedBlock[],
    vectors: ReadonlyMap<number, Float32Array>,
  ) {
    this.base = base;
    this.layerwise = layerwise;
    this.tokenize = tokenize;
    this.blocks = blocks;
    this.vectors = vectors;
  }

  /** Makes the vectors of all blocks, or finds those of an earlier run over the same blocks. */
  static async open(options: InfllmIndexOptions): Promise<InfllmIndex> {
    const { encoder, model, prompt } = options.loaded;
    const layerwise = await LayerwiseModel.open(model, options.threads);
    const base = InfllmStream.create(layerwise, ISOLATED);
    await base.read(prompt.prefix);
    const blocks = uniqueBlocks(options.store);
    const segments = options.store.read((reader) => reader.segmentsOf(blocks.map(({ id }) => id)));
    const folder = join(options.dataDir, "eval", "infllm");
    const hash = createHash("sha256").update(JSON.stringify([encoder.key, segments.map(({ key }) => key)]));
    const path = join(folder, `${hash.digest("hex").slice(0, 24)}.f16`);
    const width = model.config.layers * model.config.heads * model.config.headDim;
    if (!existsSync(path)) {
      await mkdir(folder, { recursive: true });
      await writeFile(`${path}.tmp`, await encodeAll(base, encoder, segments, width, options.tell));
      await rename(`${path}.tmp`, path);
    }
    const vectors = readVectors(await readFile(path), segments, width);
    return new InfllmIndex(base, layerwise, (text) => encoder.tokenize(text), blocks, vectors);
  }

  /** Ranks all blocks for a question. */
  async rank(question: string, top: number): Promise<InfllmRanking> {
    const lookUps = await this.base.lookUp(this.tokenize(question));
    const total = new Float32Array(this.blocks.length);
    const layers = lookUps.map(({ query }, layer) => {
      const scores = Float32Array.from(this.blocks, ({ id }) => {
        const vector = this.vectors.get(id);
        let sum = 0;
        for (let i = 0; vector && i < query.length; i++) {
          sum += (query[i] ?? 0) * (vector[layer * query.length + i] ?? 0);
        }
        return sum;
      });
      for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? 0) + (scores[i] ?? 0);
      return this.best(scores, top);
    });
    return { summed: this.best(total, top), layers };
  }

  async close(): Promise<void> {
    await this.layerwise.close();
  }

  private best(scores: Float32Array, top: number): PlacedBlock[] {
    return largestScores(scores, top).flatMap((index) => this.blocks[index] ?? []);
  }
}

/** Recall of the published look-up, each layer for itself. */
export interface LayerRecall {
  /** Means over the layers. */
  meanAt1: number;
  meanAt8: number;
  /** The layer with the highest recall at 8, which only hindsight can name. */
  best: { layer: number; at1: Estimate; at8: Estimate };
}

/** Figures of questions' ranks, [questions][layers]: from 1, 0 for what is not among the first eight. */
export function layerRecall(ranks: readonly (readonly number[])[]): LayerRecall {
  const figures = Array.from({ length: ranks[0]?.length ?? 0 }, (_, layer) => ({
    layer,
    at1: proportion(ranks.map((own) => own[layer] === 1)),
    at8: proportion(ranks.map((own) => (own[layer] ?? 0) > 0)),
  }));
  const none = { layer: 0, at1: proportion([]), at8: proportion([]) };
  const best = figures.reduce((a, b) => (b.at8.value > a.at8.value ? b : a), figures[0] ?? none);
  const mean = (of: "at1" | "at8") => figures.reduce((sum, own) => sum + own[of].value / figures.length, 0);
  return { meanAt1: mean("at1"), meanAt8: mean("at8"), best };
}

/** All live blocks, each at its first place. */
function uniqueBlocks(store: Store): PlacedBlock[] {
  const byId = new Map<number, PlacedBlock>();
  for (const block of store.read((reader) => reader.placed())) {
    if (!byId.has(block.id)) byId.set(block.id, block);
  }
  return [...byId.values()];
}

/** Encodes each segment behind the prefix and its header, as the store's keys and values were. */
async function encodeAll(
  base: InfllmStream,
  encoder: LoadedModel["encoder"],
  segments: readonly StoredSegment[],
  width: number,
  tell: (text: string) => void,
): Promise<Uint16Array> {
  const count = segments.reduce((sum, { blocks }) => sum + blocks.length, 0);
  const result = new Uint16Array(count * width);
  let row = 0;
  for (const [i, { path, blocks }] of segments.entries()) {
    const header = encoder.header(path);
    const parts = blocks.map(({ text }) => encoder.tokenize(text));
    const stream = base.fork();
    await stream.read(Int32Array.from([...header, ...parts.flatMap((part) => [...part])]));
    let from = base.tokens + header.length;
    for (const part of parts) {
      const vectors = stream.representatives(from, from + part.length);
      vectors.forEach((vector, layer) => {
        const at = row * width + layer * vector.length;
        for (let j = 0; j < vector.length; j++) result[at + j] = float16Bits(vector[j] ?? 0);
      });
      from += part.length;
      row++;
    }
    if (i % 100 === 99) tell(`InfLLM's representatives: ${i + 1} of ${segments.length} segments`);
  }
  return result;
}

function readVectors(bytes: Buffer, segments: readonly StoredSegment[], width: number): Map<number, Float32Array> {
  const ids = segments.flatMap(({ blocks }) => blocks.map(({ id }) => id));
  if (bytes.length !== ids.length * width * 2) throw new RangeError("The kept vectors are not those of these blocks");
  return new Map(
    ids.map((id, row) => [
      id,
      Float32Array.from({ length: width }, (_, i) => halfToFloat(bytes.readUInt16LE((row * width + i) * 2))),
    ]),
  );
}
