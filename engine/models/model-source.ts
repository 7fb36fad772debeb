/** Which decoder family a checkpoint is of; each is a Llama with the extras named in `ModelConfig`. */
export type Architecture = "llama" | "mistral" | "qwen2" | "qwen3";

/** Llama-3's stretching of rope's low frequencies (the `llama3` rope type of transformers). */
export interface Llama3RopeScaling {
  factor: number;
  lowFrequencyFactor: number;
  highFrequencyFactor: number;
  originalContext: number;
}

/** What a decoder's shape and arithmetic depend on. */
export interface ModelConfig {
  architecture: Architecture;
  name: string;
  license: string;
  layers: number;
  hidden: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Width of the feed-forward layer. */
  intermediate: number;
  vocabulary: number;
  contextTokens: number;
  normEpsilon: number;
  ropeTheta: number;
  ropeScaling?: Llama3RopeScaling;
  /** Inverse frequencies scaled by these divisors [headDim / 2] (GGUF's `rope_freqs.weight`). */
  ropeFactors?: Float32Array;
  /** q, k and v have biases (qwen2). */
  attentionBias: boolean;
  /** q and k are normalised a head at a time (qwen3). */
  qkNorm: boolean;
  /** The output layer is the transposed embedding. */
  tiedEmbeddings: boolean;
}

/** The tensors of one decoder layer, by the names that graphs use; `layer` counts from 0. */
export type LayerTensor =
  | "attention_norm" // [hidden]
  | "q" // [heads * headDim, hidden]
  | "k" // [kvHeads * headDim, hidden]
  | "v"
  | "o" // [hidden, heads * headDim]
  | "q_bias"
  | "k_bias"
  | "v_bias"
  | "q_norm" // [headDim]
  | "k_norm"
  | "feed_forward_norm"
  | "gate" // [intermediate, hidden]
  | "up"
  | "down"; // [hidden, intermediate]

/** Names a tensor of any supported checkpoint; GGUF and safetensors names are mapped onto these. */
export type TensorName = "embedding" | "final_norm" | "output" | `layer.${number}.${LayerTensor}`;

/** A matrix whose file stores it in blocks of 32 along a row: value = code * scale + offset, exactly. */
export interface AffineMatrix {
  rows: number;
  columns: number;
  /** Bits of a code: 4 (codes 0..15) or 8 (codes 0..255). */
  bits: 4 | 8;
  /** [rows, columns], one code a byte. */
  codes: Uint8Array;
  /** [rows, columns / 32] */
  scales: Float32Array;
  /** [rows, columns / 32] */
  offsets: Float32Array;
}

/** What a tokenizer is made of: the parsed `tokenizer.json` and `tokenizer_config.json` (rebuilt for GGUF). */
export interface TokenizerFiles {
  tokenizer: Record<string, unknown>;
  config: Record<string, unknown>;
}

/** An opened checkpoint. Weights are read by ranges when asked for, never whole. */
export interface ModelSource {
  /** The file or folder it was opened from. */
  readonly path: string;
  readonly config: ModelConfig;
  /** Names the weights: sha256 (hex) of the headers and of the tensors' bytes. Computed once and cached by size and mtime. */
  hash(): Promise<string>;
  has(tensor: TensorName): boolean;
  /** A tensor's values, row-major; q and k rows in the order of half-split rope (transformers'), whatever the file's. */
  read(tensor: TensorName): Promise<Float32Array>;
  /** The exact blocks where the file's type is Q4_0, Q4_1, Q4_K (4 bits) or Q8_0 (8 bits); undefined for other types. */
  readAffine(tensor: TensorName): Promise<AffineMatrix | undefined>;
  readonly tokenizerFiles: TokenizerFiles;
  close(): Promise<void>;
}
