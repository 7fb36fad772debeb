/** Trained weights of a strategy of memory: one safetensors file a model and strategy, int8 with a scale a row. */
import * as v from "valibot";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { TrainedStrategy } from "../protocol/requests.ts";
import { invalidModel } from "./invalid-model.ts";
import { parseJsonObject } from "./json-file.ts";
import { ModelFile } from "./model-file.ts";
import { dequantize } from "./quant-blocks.ts";
import { readSafetensors, WEIGHT_TYPES } from "./safetensors.ts";
import { shippedFile } from "./shipped-file.ts";
import { type StoredTensor, tensorBytes } from "./stored-tensor.ts";

/** A tensor in full precision, row-major. */
export interface WeightTensor {
  shape: readonly number[];
  values: Float32Array;
}

/** What training left for one model. */
export interface StrategyWeights {
  path: string;
  /** What the training chose, as its own JSON; the strategy checks it. */
  config: Readonly<Record<string, unknown>>;
  tensors: ReadonlyMap<string, WeightTensor>;
}

/** A shipped file has at most 30 MB of int8; this bounds what a damaged one makes. */
const MAX_VALUES = 64 << 20;
const MAX_CONFIG_CHARACTERS = 65_536;
const SCALE = ".scales";

/**
 * The weights that a strategy has for the model of this hash.
 * @throws RepoMemoryError "model-unsupported" where it was not trained for the model, "model-invalid" where the file is damaged
 */
export async function openStrategyWeights(strategy: TrainedStrategy, modelHash: string): Promise<StrategyWeights> {
  const path = shippedFile("strategies", `${modelHash.slice(0, 16)}.${strategy}.safetensors`);
  if (path === undefined) throw notTrained(strategy);
  const { model, ...weights } = await readStrategyWeights(path, strategy);
  if (model !== modelHash) throw notTrained(strategy);
  return weights;
}

/**
 * Reads a file of a strategy's weights. A tensor of int8 is multiplied, row by row, with the tensor of its name and ".scales".
 * @throws RepoMemoryError "model-invalid" naming what is wrong with it
 */
export async function readStrategyWeights(
  path: string,
  strategy: TrainedStrategy,
): Promise<StrategyWeights & { model: string }> {
  const file = await ModelFile.open(path);
  try {
    const { model, config } = await readMetadata(file, strategy);
    const stored = new Map((await readSafetensors(file, WEIGHT_TYPES)).map((tensor) => [tensor.name, tensor]));
    const count = [...stored.values()].reduce((sum, { shape }) => sum + elements(shape), 0);
    if (count > MAX_VALUES) throw invalidModel(path, "the list of tensors", `has ${count} numbers`);
    const tensors = new Map<string, WeightTensor>();
    for (const [name, tensor] of stored) {
      const isScale = name.endsWith(SCALE) && stored.has(name.slice(0, -SCALE.length));
      if (!isScale) tensors.set(name, await readTensor(file, tensor, stored.get(name + SCALE)));
    }
    return { path, model, config, tensors };
  } finally {
    await file.close();
  }
}

async function readMetadata(file: ModelFile, strategy: TrainedStrategy) {
  const prefix = await file.read(0, 8, "the header's length");
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  const header = parseJsonObject(file.path, "the header", await file.read(8, length, "the header"));
  const schema = v.object({
    format: v.literal(`repo-memory ${strategy} 1`),
    model: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
    config: v.pipe(v.string(), v.maxLength(MAX_CONFIG_CHARACTERS)),
  });
  const metadata = v.safeParse(schema, header["__metadata__"]);
  if (!metadata.success) throw invalidModel(file.path, "__metadata__", `is not that of weights for "${strategy}"`);
  const config = parseJsonObject(file.path, "config", Buffer.from(metadata.output.config));
  return { model: metadata.output.model, config };
}

async function readTensor(file: ModelFile, tensor: StoredTensor, scale?: StoredTensor): Promise<WeightTensor> {
  const values = await readValues(file, tensor);
  const rows = tensor.shape[0] ?? 1;
  const factors = scale && (await readValues(file, scale));
  if ((tensor.type === "I8") !== (factors !== undefined) || (factors && factors.length !== rows)) {
    throw invalidModel(file.path, `tensor ${tensor.name}`, "does not go with its scales");
  }
  const columns = values.length / Math.max(1, rows);
  for (let i = 0; factors && i < values.length; i++) values[i]! *= factors[Math.floor(i / columns)] ?? 0;
  if (values.every(Number.isFinite)) return { shape: tensor.shape, values };
  throw invalidModel(file.path, `tensor ${tensor.name}`, "has numbers that are not finite");
}

async function readValues(file: ModelFile, { name, type, shape, offset }: StoredTensor): Promise<Float32Array> {
  const values = new Float32Array(elements(shape));
  dequantize(type, await file.read(offset, tensorBytes(file.path, name, type, shape), name), values);
  return values;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function notTrained(strategy: TrainedStrategy): RepoMemoryError {
  return new RepoMemoryError("model-unsupported", {
    message: `The strategy "${strategy}" has not been trained for this model.`,
    meaning:
      "This kind of memory needs weights that are made for one model; the default memory works with every model.",
    remedy: `Ask with the strategy "infllm", choose a model of docs/strategies.md, or train it (training/README.md).`,
  });
}
