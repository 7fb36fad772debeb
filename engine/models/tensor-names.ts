import type { LayerTensor, ModelConfig, TensorName } from "./model-source.ts";

/** How the two file formats name a tensor of a decoder; layer tensors are below `blk.N.` or `model.layers.N.`. */
export type Naming = "gguf" | "safetensors";

const LAYER_PREFIXES: Readonly<Record<Naming, string>> = { gguf: "blk.", safetensors: "model.layers." };

const GLOBAL_NAMES = {
  embedding: { gguf: "token_embd.weight", safetensors: "model.embed_tokens.weight" },
  final_norm: { gguf: "output_norm.weight", safetensors: "model.norm.weight" },
  output: { gguf: "output.weight", safetensors: "lm_head.weight" },
} as const;

const LAYER_NAMES: Readonly<Record<LayerTensor, Record<Naming, string>>> = {
  attention_norm: { gguf: "attn_norm.weight", safetensors: "input_layernorm.weight" },
  q: { gguf: "attn_q.weight", safetensors: "self_attn.q_proj.weight" },
  k: { gguf: "attn_k.weight", safetensors: "self_attn.k_proj.weight" },
  v: { gguf: "attn_v.weight", safetensors: "self_attn.v_proj.weight" },
  o: { gguf: "attn_output.weight", safetensors: "self_attn.o_proj.weight" },
  q_bias: { gguf: "attn_q.bias", safetensors: "self_attn.q_proj.bias" },
  k_bias: { gguf: "attn_k.bias", safetensors: "self_attn.k_proj.bias" },
  v_bias: { gguf: "attn_v.bias", safetensors: "self_attn.v_proj.bias" },
  q_norm: { gguf: "attn_q_norm.weight", safetensors: "self_attn.q_norm.weight" },
  k_norm: { gguf: "attn_k_norm.weight", safetensors: "self_attn.k_norm.weight" },
  feed_forward_norm: { gguf: "ffn_norm.weight", safetensors: "post_attention_layernorm.weight" },
  gate: { gguf: "ffn_gate.weight", safetensors: "mlp.gate_proj.weight" },
  up: { gguf: "ffn_up.weight", safetensors: "mlp.up_proj.weight" },
  down: { gguf: "ffn_down.weight", safetensors: "mlp.down_proj.weight" },
};

/** Layer tensors that hold nothing which the config does not say (old exports keep rope's frequencies). */
const REDUNDANT = /\.rotary_emb\.inv_freq$/;

/** One tensor that a config requires. */
export interface ExpectedTensor {
  name: TensorName;
  /** The file's name for it. */
  fileName: string;
  /** Row-major. */
  shape: readonly number[];
}

/** Whether a file's tensor is of a layer and takes part in its arithmetic. */
export function isLayerTensor(naming: Naming, fileName: string): boolean {
  return fileName.startsWith(LAYER_PREFIXES[naming]) && !REDUNDANT.test(fileName);
}

/** Every tensor that a checkpoint of this config must have, with its shape. */
export function expectedTensors(config: ModelConfig, naming: Naming): ExpectedTensor[] {
  const { hidden, vocabulary, layers } = config;
  const global = (name: keyof typeof GLOBAL_NAMES, shape: number[]) => ({
    name,
    fileName: GLOBAL_NAMES[name][naming],
    shape,
  });
  const expected: ExpectedTensor[] = [global("embedding", [vocabulary, hidden]), global("final_norm", [hidden])];
  if (!config.tiedEmbeddings) expected.push(global("output", [vocabulary, hidden]));
  const shapes = layerShapes(config);
  for (let layer = 0; layer < layers; layer++) {
    for (const [tensor, shape] of shapes) {
      expected.push({
        name: `layer.${layer}.${tensor}`,
        fileName: `${LAYER_PREFIXES[naming]}${layer}.${LAYER_NAMES[tensor][naming]}`,
        shape,
      });
    }
  }
  return expected;
}

function layerShapes(config: ModelConfig): [LayerTensor, number[]][] {
  const { hidden, intermediate, headDim } = config;
  const queries = config.heads * headDim;
  const keys = config.kvHeads * headDim;
  const shapes: [LayerTensor, number[]][] = [
    ["attention_norm", [hidden]],
    ["q", [queries, hidden]],
    ["k", [keys, hidden]],
    ["v", [keys, hidden]],
    ["o", [hidden, queries]],
    ["feed_forward_norm", [hidden]],
    ["gate", [intermediate, hidden]],
    ["up", [intermediate, hidden]],
    ["down", [hidden, intermediate]],
  ];
  if (config.attentionBias) shapes.push(["q_bias", [queries]], ["k_bias", [keys]], ["v_bias", [keys]]);
  if (config.qkNorm) shapes.push(["q_norm", [headDim]], ["k_norm", [headDim]]);
  return shapes;
}
