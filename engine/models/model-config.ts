import type { Fields, IntegerRange } from "./fields.ts";
import { invalidModel, unsupportedModel } from "./invalid-model.ts";
import type { Architecture, ModelConfig } from "./model-source.ts";

// Each limit is several times what the largest open models have (Llama 3.1 405B: 126 layers, hidden 16384, 128 heads).
const LAYERS: IntegerRange = { min: 1, max: 1024 };
const WIDTH: IntegerRange = { min: 1, max: 1 << 20 };
const HEADS: IntegerRange = { min: 1, max: 4096 };
const HEAD_DIM: IntegerRange = { min: 2, max: 4096 };
const VOCABULARY: IntegerRange = { min: 1, max: 1 << 22 };
const CONTEXT: IntegerRange = { min: 1, max: 2 ** 31 };

const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ["llama", "llama"],
  ["mistral", "mistral"],
  ["qwen2", "qwen2"],
  ["qwen3", "qwen3"],
]);

/** What a config needs to know of the tensors that are there, by the file's own names. */
export interface TensorFacts {
  path: string;
  has(name: string): boolean;
  /** Row-major shape; undefined where the tensor is not there. */
  shape(name: string): readonly number[] | undefined;
}

/** The config of a GGUF from its metadata; `ropeFactors` is `rope_freqs.weight`, where the file has it. */
export function configFromGguf(
  metadata: Fields,
  tensors: TensorFacts,
  ropeFactors: Float32Array | undefined,
  fallbackName: string,
): ModelConfig {
  const family = metadata.string("general.architecture");
  const architecture = knownArchitecture(metadata.path, family);
  const key = (name: string) => `${family}.${name}`;
  if (metadata.integer(key("expert_count"), { min: 0, max: 1 << 16 }, 0) > 0) {
    throw unsupportedModel(metadata.path, "a mixture of experts");
  }
  const scaling = metadata.string(key("rope.scaling.type"), "none");
  if (scaling !== "none") throw unsupportedModel(metadata.path, `rope scaling "${scaling}"`);
  if (metadata.positive(key("rope.scale_linear"), 1) !== 1)
    throw unsupportedModel(metadata.path, "linear rope scaling");
  const hidden = metadata.integer(key("embedding_length"), WIDTH);
  const heads = metadata.integer(key("attention.head_count"), HEADS);
  const headDim = metadata.integer(key("attention.key_length"), HEAD_DIM, hidden / heads);
  requireEqual(metadata, key("attention.value_length"), headDim);
  requireEqual(metadata, key("rope.dimension_count"), headDim);
  const config: ModelConfig = {
    architecture,
    name: metadata.string("general.name", fallbackName),
    license: metadata.string("general.license", "unknown"),
    layers: metadata.integer(key("block_count"), LAYERS),
    hidden,
    heads,
    kvHeads: metadata.integer(key("attention.head_count_kv"), HEADS, heads),
    headDim,
    intermediate: metadata.integer(key("feed_forward_length"), WIDTH),
    vocabulary: vocabularyOf(tensors, "token_embd.weight"),
    contextTokens: clampToWindow(metadata, key("context_length"), key("attention.sliding_window")),
    normEpsilon: metadata.positive(key("attention.layer_norm_rms_epsilon")),
    ropeTheta: metadata.positive(key("rope.freq_base"), 10_000),
    ...(ropeFactors === undefined ? {} : { ropeFactors }),
    attentionBias: tensors.has("blk.0.attn_q.bias"),
    qkNorm: tensors.has("blk.0.attn_q_norm.weight"),
    tiedEmbeddings: !tensors.has("output.weight"),
  };
  return checkHeads(metadata.path, config);
}

/** The config of a safetensors folder from its `config.json`, as transformers 4 and 5 write it. */
export function configFromJson(json: Fields, tensors: TensorFacts, fallbackName: string): ModelConfig {
  const architecture = knownArchitecture(json.path, json.string("model_type"));
  if (json.has("quantization_config")) throw unsupportedModel(json.path, "a checkpoint quantised by another tool");
  const activation = json.string("hidden_act", "silu");
  if (activation !== "silu") throw unsupportedModel(json.path, `the activation "${activation}"`);
  const hidden = json.integer("hidden_size", WIDTH);
  const heads = json.integer("num_attention_heads", HEADS);
  const config: ModelConfig = {
    architecture,
    name: fallbackName,
    license: "unknown",
    layers: json.integer("num_hidden_layers", LAYERS),
    hidden,
    heads,
    kvHeads: json.integer("num_key_value_heads", HEADS, heads),
    headDim: json.integer("head_dim", HEAD_DIM, architecture === "qwen3" ? 128 : hidden / heads),
    intermediate: json.integer("intermediate_size", WIDTH),
    vocabulary: vocabularyOf(tensors, "model.embed_tokens.weight"),
    contextTokens: slidingWindowUsed(json, architecture)
      ? clampToWindow(json, "max_position_embeddings", "sliding_window")
      : json.integer("max_position_embeddings", CONTEXT),
    normEpsilon: json.positive("rms_norm_eps", 1e-6),
    ...ropeFromJson(json),
    attentionBias: tensors.has("model.layers.0.self_attn.q_proj.bias"),
    qkNorm: tensors.has("model.layers.0.self_attn.q_norm.weight"),
    tiedEmbeddings: json.boolean("tie_word_embeddings", false) || !tensors.has("lm_head.weight"),
  };
  requireEqual(json, "vocab_size", config.vocabulary);
  return checkHeads(json.path, config);
}

function knownArchitecture(path: string, family: string): Architecture {
  const architecture = ARCHITECTURES.get(family);
  if (architecture === undefined) throw unsupportedModel(path, `the architecture "${family}"`);
  return architecture;
}

/** transformers 5 keeps everything about rope in `rope_parameters`; 4 had `rope_theta` and `rope_scaling`. */
function ropeFromJson(json: Fields): Pick<ModelConfig, "ropeTheta" | "ropeScaling"> {
  const key = ["rope_parameters", "rope_scaling"].find((name) => json.has(name));
  if (key === undefined) return { ropeTheta: json.positive("rope_theta", 10_000) };
  const rope = json.object(key);
  const ropeTheta = rope.has("rope_theta") ? rope.positive("rope_theta") : json.positive("rope_theta", 10_000);
  const type = rope.string("rope_type", rope.string("type", "default"));
  if (type === "default") return { ropeTheta };
  if (type !== "llama3") throw unsupportedModel(json.path, `rope scaling "${type}"`);
  const ropeScaling = {
    factor: rope.positive("factor"),
    lowFrequencyFactor: rope.positive("low_freq_factor"),
    highFrequencyFactor: rope.positive("high_freq_factor"),
    originalContext: rope.integer("original_max_position_embeddings", CONTEXT),
  };
  return { ropeTheta, ropeScaling };
}

/** mistral's window holds whenever it is there; the qwen families have a switch, which is off in every release. */
function slidingWindowUsed(json: Fields, architecture: Architecture): boolean {
  if (architecture === "mistral") return true;
  return architecture !== "llama" && json.boolean("use_sliding_window", false);
}

/** Attention here sees everything before it, so a model with a sliding window is only itself inside one window. */
function clampToWindow(fields: Fields, contextKey: string, windowKey: string): number {
  const context = fields.integer(contextKey, CONTEXT);
  return fields.has(windowKey) ? Math.min(context, fields.integer(windowKey, CONTEXT)) : context;
}

function vocabularyOf(tensors: TensorFacts, embedding: string): number {
  const rows = tensors.shape(embedding)?.[0];
  if (rows === undefined) throw invalidModel(tensors.path, `tensor ${embedding}`, "is missing");
  if (rows > VOCABULARY.max)
    throw invalidModel(tensors.path, `tensor ${embedding}`, `has ${rows} rows, too many tokens`);
  return rows;
}

function requireEqual(fields: Fields, key: string, expected: number): void {
  if (!fields.has(key)) return;
  const value = fields.integer(key, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (value !== expected)
    throw invalidModel(fields.path, key, `is ${value}, where the rest of the file says ${expected}`);
}

function checkHeads(path: string, config: ModelConfig): ModelConfig {
  const { heads, kvHeads, headDim } = config;
  if (heads % kvHeads !== 0)
    throw invalidModel(path, "head count", `${heads} is no multiple of ${kvHeads} key-value heads`);
  if (headDim % 2 !== 0) throw invalidModel(path, "head dimension", `${headDim} is odd; rope rotates pairs`);
  return config;
}
