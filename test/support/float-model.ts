import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type PackedModel, type DecoderOptions, writeDecoder, writeHead } from "../../engine/graph/decoder.ts";
import { packFloat32 } from "../../engine/graph/linear.ts";
import { packLayer } from "../../engine/graph/pack-model.ts";
import { ropeTable } from "../../engine/graph/rope.ts";
import { WeightFile } from "../../engine/graph/weight-file.ts";
import { CONVERTER_VERSION, type ConvertedModel } from "../../engine/inference/converted-model.ts";
import { guessedHeads, observedLayers, projectedLayers } from "../../engine/inference/observed-layers.ts";
import type { ModelSource } from "../../engine/models/model-source.ts";

/** Positions that a reference knows: more than any test or benchmark reads. */
const MAX_POSITIONS = 4096;

/**
 * Writes a checkpoint's graphs in full precision into `folder` (which exists), for `LanguageModel.open`: the reference that
 * packed graphs are held against.
 * @param positions rows of the rope tables
 */
export async function packFloatModel(
  source: ModelSource,
  folder: string,
  positions = Math.min(source.config.contextTokens, MAX_POSITIONS),
): Promise<ConvertedModel> {
  const { config } = source;
  const file = await WeightFile.create(join(folder, "float32.bin"));
  const table = ropeTable(config, positions);
  const rope = { cos: await file.append(table.cos), sin: await file.append(table.sin) };
  const embedding = await source.read("embedding");
  const output = config.tiedEmbeddings ? embedding : await source.read("output");
  const head = await packFloat32({ rows: config.vocabulary, columns: config.hidden, values: output }, file);
  const model: PackedModel = {
    embedding: { format: "float32", weight: await file.append(embedding) },
    layers: [],
    finalNorm: await source.read("final_norm"),
  };
  for (let layer = 0; layer < config.layers; layer++)
    model.layers.push(await packLayer(source, layer, packFloat32, file));
  await file.close();
  const observed = observedLayers(guessedHeads(config));
  const write = (name: string, options: Pick<DecoderOptions, "mode" | "attentionOf" | "queriesOf" | "hiddenOf">) =>
    writeFile(join(folder, name), writeDecoder(config, model, { positions, rope, ...options }));
  await write("prefill.onnx", {
    mode: "prefill",
    queriesOf: observed,
    hiddenOf: projectedLayers(config),
  });
  await write("decode.onnx", { mode: "decode", attentionOf: observed });
  await writeFile(join(folder, "head.onnx"), writeHead(config, head));
  return { folder, config, manifest: await manifestOf(source, positions), tokenizerFiles: source.tokenizerFiles };
}

async function manifestOf(source: ModelSource, positions: number): Promise<ConvertedModel["manifest"]> {
  const { config } = source;
  return {
    version: CONVERTER_VERSION,
    hash: await source.hash(),
    config,
    positions,
    prefill: { format: "nbits", kl: 0 },
    heads: guessedHeads(config),
  };
}
