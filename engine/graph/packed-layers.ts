/** The packed tensors of a written decoder, found again by the names that `decoder.ts` gave them: no second copy on disk. */
import type { ModelConfig } from "../models/model-source.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { PackedEmbedding, PackedLayer, PackedModel } from "./decoder.ts";
import type { PackedLinear } from "./linear.ts";
import { readConstants, type StoredConstant } from "./onnx-reader.ts";
import type { ExternalData } from "./onnx-writer.ts";

/** `TensorProto.DataType` of int8 weights. */
const INT8 = 3;
/** Weights that share a scale in `nbits` formats. */
const BLOCK = 32;

/** What a decoder graph was written from. */
export interface StoredDecoder {
  model: PackedModel;
  rope: { cos: ExternalData; sin: ExternalData };
  /** Rows of the rope tables. */
  positions: number;
}

/** Reads a decoder graph's constants. @throws RepoMemoryError "model-invalid" when one is missing */
export function readPackedModel(graph: Uint8Array, config: ModelConfig): StoredDecoder {
  const constants = new Constants(readConstants(graph));
  const layers = Array.from({ length: config.layers }, (_, layer) => readLayer(constants, config, layer));
  const finalNorm = constants.vector(`attention_norm.${config.layers}.weight`);
  return {
    model: { embedding: readEmbedding(constants), layers, finalNorm },
    rope: { cos: constants.external("rope.cos"), sin: constants.external("rope.sin") },
    positions: constants.get("rope.cos").dimensions[0] ?? 0,
  };
}

/** Reads the output layer's product out of `head.onnx`. @throws RepoMemoryError "model-invalid" when it is missing */
export function readPackedHead(graph: Uint8Array, config: ModelConfig): PackedLinear {
  return readLinear(new Constants(readConstants(graph)), "output", config.hidden);
}

function readLayer(constants: Constants, config: ModelConfig, layer: number): PackedLayer {
  const { hidden, heads, headDim, intermediate } = config;
  const inverse = constants.optionalVector(`output_smoothing.${layer}`);
  return {
    attentionNorm: constants.vector(`attention_norm.${layer}.weight`),
    feedForwardNorm: constants.vector(`feed_forward_norm.${layer}.weight`),
    qkv: readLinear(constants, `qkv.${layer}`, hidden),
    output: readLinear(constants, `output.${layer}`, heads * headDim),
    gateUp: readLinear(constants, `gate_up.${layer}`, hidden),
    down: readLinear(constants, `down.${layer}`, intermediate),
    ...(inverse ? { outputSmoothing: inverse.map((value) => 1 / value) } : {}),
    ...(config.attentionBias ? { qkvBias: constants.vector(`qkv_bias.${layer}`) } : {}),
    ...(config.qkNorm
      ? {
          queryNorm: constants.vector(`query_norm.${layer}.weight`),
          keyNorm: constants.vector(`key_norm.${layer}.weight`),
        }
      : {}),
  };
}

/** A product's format shows in the constants that stand under its name. */
function readLinear(constants: Constants, name: string, columns: number): PackedLinear {
  if (constants.has(`${name}.codes`)) return readNBits(constants, name, columns);
  const { type, dimensions } = constants.get(`${name}.weight`);
  const rows = dimensions[1] ?? 0;
  const weight = constants.external(`${name}.weight`);
  if (type !== INT8) return { format: "float32", rows, columns, weight };
  return { format: "int8", rows, columns, weight, scales: constants.external(`${name}.scales`) };
}

function readNBits(constants: Constants, name: string, columns: number): PackedLinear {
  const [rows = 0, blocks = 0, bytes = 0] = constants.get(`${name}.codes`).dimensions;
  return {
    format: "nbits",
    bits: bytes * 8 === BLOCK * 4 ? 4 : 8,
    rows,
    columns,
    offsetColumns: blocks * BLOCK - columns,
    codes: constants.external(`${name}.codes`),
    scales: constants.external(`${name}.scales`),
    ...(constants.has(`${name}.zeros`) ? { zeroPoints: constants.external(`${name}.zeros`) } : {}),
  };
}

function readEmbedding(constants: Constants): PackedEmbedding {
  if (constants.has("embedding")) return { format: "float32", weight: constants.external("embedding") };
  const [codes, scales] = [constants.external("embedding.codes"), constants.external("embedding.scales")];
  return { format: "nbits8", codes, scales };
}

/** Constants by name, each as the kind that its reader expects. */
class Constants {
  private readonly all: ReadonlyMap<string, StoredConstant>;

  constructor(all: ReadonlyMap<string, StoredConstant>) {
    this.all = all;
  }

  has(name: string): boolean {
    return this.all.has(name);
  }

  get(name: string): StoredConstant {
    const constant = this.all.get(name);
    if (!constant) throw missing(name);
    return constant;
  }

  external(name: string): ExternalData {
    const { data } = this.get(name);
    if (data instanceof Uint8Array) throw missing(name);
    return data;
  }

  vector(name: string): Float32Array {
    const { data } = this.get(name);
    if (!(data instanceof Uint8Array)) throw missing(name);
    return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  }

  optionalVector(name: string): Float32Array | undefined {
    return this.has(name) ? this.vector(name) : undefined;
  }
}

function missing(name: string): RepoMemoryError {
  return new RepoMemoryError("model-invalid", {
    message: `The converted model's graph has no constant ${name} where it is expected.`,
    meaning: "The model was converted by another version, or is damaged.",
    remedy: "Delete the converted model's folder to have it made again.",
  });
}

/** Bytes of all external tensors in what was read above, each once, however many products share it. */
export function storedBytes(packed: object): number {
  const seen = new Map<string, number>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (ArrayBuffer.isView(value)) return;
    if ("location" in value && "offset" in value && "length" in value && typeof value.length === "number") {
      seen.set(`${String(value.location)}:${String(value.offset)}`, value.length);
      return;
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(packed);
  return [...seen.values()].reduce((sum, length) => sum + length, 0);
}
