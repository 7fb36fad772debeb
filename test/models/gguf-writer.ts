/** Builds GGUF files in memory, right or wrong, for tests. */

type Scalar = { type: number; bytes: Buffer };

/** A value of GGUF's metadata with its type's number. */
export const gguf = {
  u32: (value: number): Scalar => ({ type: 4, bytes: u32(value) }),
  f32: (value: number): Scalar => ({ type: 6, bytes: f32(value) }),
  bool: (value: boolean): Scalar => ({ type: 7, bytes: Buffer.of(value ? 1 : 0) }),
  string: (value: string): Scalar => ({ type: 8, bytes: text(value) }),
  strings: (values: readonly string[]): Scalar => array(8, values.map(text)),
  integers: (values: readonly number[]): Scalar => array(5, values.map(u32)),
  floats: (values: readonly number[]): Scalar => array(6, values.map(f32)),
  /** An array that says it is longer (or of another type) than it is. */
  lyingArray: (type: number, length: bigint, bytes: Buffer = Buffer.alloc(0)): Scalar => ({
    type: 9,
    bytes: Buffer.concat([u32(type), u64(length), bytes]),
  }),
};

/** A line of the tensor table; sizes with the contiguous dimension first. */
export interface WrittenTensor {
  name: string;
  sizes: readonly (number | bigint)[];
  type: number;
  offset: number | bigint;
}

/** The parts of a GGUF file; counts are those of the lists where not given. */
export interface GgufParts {
  magic?: string;
  version?: number;
  tensorCount?: bigint;
  metadataCount?: bigint;
  metadata: readonly (readonly [string, Scalar])[];
  tensors: readonly WrittenTensor[];
  dataBytes: number;
}

/** The bytes of a GGUF file with `dataBytes` of zeros as its data. */
export function writeGguf(parts: GgufParts): Buffer {
  const header = Buffer.concat([
    Buffer.from(parts.magic ?? "GGUF"),
    u32(parts.version ?? 3),
    u64(parts.tensorCount ?? BigInt(parts.tensors.length)),
    u64(parts.metadataCount ?? BigInt(parts.metadata.length)),
    ...parts.metadata.flatMap(([key, value]) => [text(key), u32(value.type), value.bytes]),
    ...parts.tensors.flatMap(tensorLine),
  ]);
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32), Buffer.alloc(parts.dataBytes)]);
}

/** Parts that a test may change. */
export interface TinyLlama extends GgufParts {
  metadata: [string, Scalar][];
  tensors: WrittenTensor[];
}

/** A whole small llama: one layer, hidden 32, two heads of 16, one key-value head, 4 tokens, all F32 zeros. */
export function tinyLlama(): TinyLlama {
  const shapes: [string, number[]][] = [
    ["token_embd.weight", [32, 4]],
    ["output_norm.weight", [32]],
    ["blk.0.attn_norm.weight", [32]],
    ["blk.0.attn_q.weight", [32, 32]],
    ["blk.0.attn_k.weight", [32, 16]],
    ["blk.0.attn_v.weight", [32, 16]],
    ["blk.0.attn_output.weight", [32, 32]],
    ["blk.0.ffn_norm.weight", [32]],
    ["blk.0.ffn_gate.weight", [32, 64]],
    ["blk.0.ffn_up.weight", [32, 64]],
    ["blk.0.ffn_down.weight", [64, 32]],
  ];
  let offset = 0;
  const tensors = shapes.map(([name, sizes]) => {
    const tensor = { name, sizes, type: 0, offset };
    offset += sizes.reduce((product, size) => product * size, 4);
    return tensor;
  });
  return { metadata: tinyMetadata(), tensors, dataBytes: offset };
}

function tinyMetadata(): [string, Scalar][] {
  return [
    ["general.architecture", gguf.string("llama")],
    ["llama.block_count", gguf.u32(1)],
    ["llama.context_length", gguf.u32(64)],
    ["llama.embedding_length", gguf.u32(32)],
    ["llama.feed_forward_length", gguf.u32(64)],
    ["llama.attention.head_count", gguf.u32(2)],
    ["llama.attention.head_count_kv", gguf.u32(1)],
    ["llama.attention.layer_norm_rms_epsilon", gguf.f32(1e-5)],
    ["tokenizer.ggml.model", gguf.string("gpt2")],
    ["tokenizer.ggml.pre", gguf.string("gpt-2")],
    ["tokenizer.ggml.tokens", gguf.strings(["<eos>", "a", "b", "ab"])],
    ["tokenizer.ggml.token_type", gguf.integers([3, 1, 1, 1])],
    ["tokenizer.ggml.merges", gguf.strings(["a b"])],
    ["tokenizer.ggml.eos_token_id", gguf.u32(0)],
  ];
}

function tensorLine(tensor: WrittenTensor): Buffer[] {
  return [text(tensor.name), u32(tensor.sizes.length), ...tensor.sizes.map(u64), u32(tensor.type), u64(tensor.offset)];
}

function array(type: number, items: readonly Buffer[]): Scalar {
  return gguf.lyingArray(type, BigInt(items.length), Buffer.concat(items));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
