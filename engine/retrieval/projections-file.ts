/** Look-up projections on disk: one safetensors file a model, some 300 KB for a hidden size of 576. */
import { rename, writeFile } from "node:fs/promises";
import * as v from "valibot";

import { float16Bits } from "../blocks/float16.ts";
import { halfToFloat } from "../models/half-float.ts";
import { invalidModel } from "../models/invalid-model.ts";
import { parseJsonObject } from "../models/json-file.ts";
import { ModelFile } from "../models/model-file.ts";
import { readSafetensors } from "../models/safetensors.ts";
import type { StoredTensor } from "../models/stored-tensor.ts";
import { type LayerProjection, PROJECTED, type TokenProjection } from "./projections.ts";

/** A model's projections and what is known about them. */
export interface ProjectionsFile {
  /** Of the weights that they were trained for. */
  modelHash: string;
  /** Ascending by layer. */
  layers: LayerProjection[];
  /** Of the training: pairs, held-out recall and so on. */
  figures: Readonly<Record<string, number>>;
}

const FORMAT = "repo-memory projections 1";

/** Two layers are projected; a few more do no harm. */
const MAX_LAYERS = 16;
/** Far above any model's; bounds what is read. */
const MAX_HIDDEN = 65_536;
const MAX_FIGURES = 64;

const Metadata = v.object({
  format: v.literal(FORMAT),
  model: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  figures: v.pipe(v.string(), v.maxLength(8192)),
});

const Figures = v.pipe(
  v.record(v.pipe(v.string(), v.maxLength(80)), v.pipe(v.number(), v.finite())),
  v.check((figures) => Object.keys(figures).length <= MAX_FIGURES),
);

/** One tensor as it is written: weights in half precision, the short vectors in single. */
interface WrittenTensor {
  dtype: "F16" | "F32";
  shape: number[];
  bytes: Uint8Array;
}

/** Writes the file beside its goal and renames it, so that a file that is found is whole. */
export async function writeProjections(path: string, { modelHash, layers, figures }: ProjectionsFile): Promise<void> {
  const tensors = new Map(layers.flatMap(tensorsOf));
  const header: Record<string, unknown> = {
    __metadata__: { format: FORMAT, model: modelHash, figures: JSON.stringify(figures) },
  };
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const work = `${path}.${process.pid}.tmp`;
  await writeFile(work, Buffer.concat([length, text, ...[...tensors.values()].map(({ bytes }) => bytes)]));
  await rename(work, path);
}

function tensorsOf({ layer, question, block, tokenWeight, steps }: LayerProjection): [string, WrittenTensor][] {
  const side = (name: string, { mean, inverseDeviation, weight }: TokenProjection): [string, WrittenTensor][] => [
    [`layer.${layer}.${name}.mean`, single(mean)],
    [`layer.${layer}.${name}.inverse_deviation`, single(inverseDeviation)],
    [`layer.${layer}.${name}.weight`, half(weight)],
  ];
  return [
    ...side("question", question),
    ...side("block", block),
    [`layer.${layer}.token_weight`, single(tokenWeight)],
    [`layer.${layer}.steps`, single(steps)],
  ];
}

function single(values: Float32Array): WrittenTensor {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true);
  return { dtype: "F32", shape: [values.length], bytes };
}

function half(weight: Float32Array): WrittenTensor {
  const bytes = new Uint8Array(weight.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of weight.entries()) view.setUint16(i * 2, float16Bits(value), true);
  return { dtype: "F16", shape: [weight.length / PROJECTED, PROJECTED], bytes };
}

/**
 * Reads projections and checks them: every tensor is there, fits the others and is finite.
 * @throws RepoMemoryError "model-not-found" without the file, "model-invalid" naming what is wrong with it
 */
export async function readProjections(path: string): Promise<ProjectionsFile> {
  const file = await ModelFile.open(path);
  try {
    const { model, figures } = await readMetadata(file);
    const tensors = new Map((await readSafetensors(file)).map((tensor) => [tensor.name, tensor]));
    const layers = [...tensors.keys()].flatMap((name) => /^layer\.(\d{1,4})\.steps$/.exec(name)?.[1] ?? []);
    if (layers.length === 0 || layers.length > MAX_LAYERS) {
      throw invalidModel(path, "the list of layers", `has ${layers.length} entries`);
    }
    const read: LayerProjection[] = [];
    for (const layer of layers.map(Number).toSorted((a, b) => a - b)) read.push(await readLayer(file, tensors, layer));
    return { modelHash: model, layers: read, figures };
  } finally {
    await file.close();
  }
}

async function readMetadata(file: ModelFile): Promise<{ model: string; figures: Record<string, number> }> {
  const prefix = await file.read(0, 8, "the header's length");
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  const header = parseJsonObject(file.path, "the header", await file.read(8, length, "the header"));
  const metadata = v.safeParse(Metadata, header["__metadata__"]);
  if (!metadata.success) throw invalidModel(file.path, "__metadata__", "is not that of look-up projections");
  const { model, figures } = metadata.output;
  const parsed = v.safeParse(Figures, parseJsonObject(file.path, "figures", Buffer.from(figures)));
  if (!parsed.success) throw invalidModel(file.path, "figures", "are not a few named numbers");
  return { model, figures: parsed.output };
}

type Tensors = ReadonlyMap<string, StoredTensor>;

async function readLayer(file: ModelFile, tensors: Tensors, layer: number): Promise<LayerProjection> {
  const hidden = tensors.get(`layer.${layer}.token_weight`)?.shape[0] ?? 0;
  if (hidden < 1 || hidden > MAX_HIDDEN) throw invalidModel(file.path, `layer ${layer}`, "has no hidden size");
  const read = (name: string, shape: number[]) => readValues(file, tensors, `layer.${layer}.${name}`, shape);
  const side = async (name: string): Promise<TokenProjection> => ({
    mean: await read(`${name}.mean`, [hidden]),
    inverseDeviation: positive(file, await read(`${name}.inverse_deviation`, [hidden])),
    weight: await read(`${name}.weight`, [hidden, PROJECTED]),
  });
  return {
    layer,
    question: await side("question"),
    block: await side("block"),
    tokenWeight: await read("token_weight", [hidden]),
    steps: positive(file, await read("steps", [PROJECTED])),
  };
}

async function readValues(file: ModelFile, tensors: Tensors, name: string, shape: number[]): Promise<Float32Array> {
  const tensor = tensors.get(name);
  if (tensor === undefined || tensor.shape.join() !== shape.join() || !["F16", "F32"].includes(tensor.type)) {
    throw invalidModel(file.path, `tensor ${name}`, `is not there in shape [${shape.join(", ")}]`);
  }
  const width = tensor.type === "F16" ? 2 : 4;
  const count = shape.reduce((product, size) => product * size, 1);
  const view = new DataView((await file.read(tensor.offset, count * width, name)).buffer);
  const values = Float32Array.from({ length: count }, (_, i) =>
    width === 2 ? halfToFloat(view.getUint16(i * 2, true)) : view.getFloat32(i * 4, true),
  );
  if (!values.every(Number.isFinite))
    throw invalidModel(file.path, `tensor ${name}`, "has numbers that are not finite");
  return values;
}

function positive(file: ModelFile, values: Float32Array): Float32Array {
  if (values.every((value) => value > 0)) return values;
  throw invalidModel(file.path, "a scale", "is not above 0");
}
