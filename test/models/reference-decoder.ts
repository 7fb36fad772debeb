import type { LayerTensor, ModelConfig, ModelSource } from "../../engine/models/model-source.ts";

// A decoder written for plainness, in doubles, one token at a time: it shows that config and tensors say what
// transformers says. Nothing else uses it.

/** Logits of every position, row-major [tokens, vocabulary]. */
export async function referenceLogits(model: ModelSource, tokens: readonly number[]): Promise<Float64Array> {
  const { config } = model;
  const embedding = await model.read("embedding");
  let states = tokens.map((token) => [...embedding.subarray(token * config.hidden, (token + 1) * config.hidden)]);
  for (let layer = 0; layer < config.layers; layer++) states = await decoderLayer(model, layer, states);
  const output = config.tiedEmbeddings ? embedding : await model.read("output");
  const norm = await model.read("final_norm");
  return Float64Array.from(states.flatMap((state) => product(output, rmsNorm(state, norm, config))));
}

async function decoderLayer(model: ModelSource, layer: number, states: number[][]): Promise<number[][]> {
  const { config } = model;
  const weight = (name: LayerTensor) => model.read(`layer.${layer}.${name}`);
  const [attentionNorm, o, norm, gate, up, down] = await Promise.all(
    (["attention_norm", "o", "feed_forward_norm", "gate", "up", "down"] as const).map(weight),
  );
  if (!attentionNorm || !o || !norm || !gate || !up || !down) throw new Error("a tensor was not read");
  const normed = states.map((state) => rmsNorm(state, attentionNorm, config));
  const mixed = attend(
    await headVectors(model, layer, "q", normed),
    await headVectors(model, layer, "k", normed),
    await headVectors(model, layer, "v", normed),
  );
  return states.map((state, position) => {
    const middle = add(state, product(o, mixed[position] ?? []));
    const input = rmsNorm(middle, norm, config);
    const gates = product(gate, input).map((x) => x / (1 + Math.exp(-x)));
    const inner = product(up, input).map((x, i) => x * (gates[i] ?? 0));
    return add(middle, product(down, inner));
  });
}

/** Queries, keys or values: [position][head][headDim], with bias, norm and rope where they belong. */
async function headVectors(
  model: ModelSource,
  layer: number,
  name: "q" | "k" | "v",
  inputs: number[][],
): Promise<number[][][]> {
  const { config } = model;
  const weight = await model.read(`layer.${layer}.${name}`);
  const bias = config.attentionBias ? await model.read(`layer.${layer}.${name}_bias`) : undefined;
  const norm = config.qkNorm && name !== "v" ? await model.read(`layer.${layer}.${name}_norm`) : undefined;
  return inputs.map((input, position) => {
    const flat = product(weight, input).map((x, i) => x + (bias?.[i] ?? 0));
    const heads = Array.from({ length: flat.length / config.headDim }, (_, head) =>
      flat.slice(head * config.headDim, (head + 1) * config.headDim),
    );
    const normed = norm === undefined ? heads : heads.map((head) => rmsNorm(head, norm, config));
    return name === "v" ? normed : normed.map((head) => rotate(head, position, config));
  });
}

/** Causal attention of every position; query heads share key-value heads in groups. Result [position][heads * headDim]. */
function attend(queries: number[][][], keys: number[][][], values: number[][][]): number[][] {
  return queries.map((heads, position) =>
    heads.flatMap((query, head) => {
      const shared = Math.floor((head * (keys[0]?.length ?? 1)) / heads.length);
      const scores = keys.slice(0, position + 1).map((key) => dot(query, key[shared] ?? []) / Math.sqrt(query.length));
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return query.map(
        (_, i) => weights.reduce((sum, weight, at) => sum + weight * (values[at]?.[shared]?.[i] ?? NaN), 0) / total,
      );
    }),
  );
}

function rotate(head: number[], position: number, config: ModelConfig): number[] {
  const half = head.length / 2;
  return head.map((x, i) => {
    const angle = position * inverseFrequency(i % half, config);
    const partner = head[(i + half) % head.length] ?? NaN;
    return x * Math.cos(angle) + (i < half ? -partner : partner) * Math.sin(angle);
  });
}

/** `_compute_llama3_parameters` of transformers, or the divisors of GGUF. */
function inverseFrequency(index: number, config: ModelConfig): number {
  const plain = config.ropeTheta ** ((-2 * index) / config.headDim);
  const scaling = config.ropeScaling;
  if (scaling === undefined) return plain / (config.ropeFactors?.[index] ?? 1);
  const turns = (scaling.originalContext * plain) / (2 * Math.PI);
  const smooth = (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
  const kept = Math.min(1, Math.max(0, smooth));
  return kept * plain + ((1 - kept) * plain) / scaling.factor;
}

function rmsNorm(x: readonly number[], weight: Float32Array, config: ModelConfig): number[] {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + config.normEpsilon);
  return x.map((value, i) => value * scale * (weight[i] ?? NaN));
}

/** `matrix` is row-major [rows, x.length]. */
function product(matrix: Float32Array, x: readonly number[]): number[] {
  const columns = x.length;
  return Array.from({ length: matrix.length / columns }, (_, row) =>
    dot(x, matrix.subarray(row * columns, (row + 1) * columns)),
  );
}

function dot(a: readonly number[], b: ArrayLike<number>): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] ?? NaN), 0);
}

function add(a: readonly number[], b: readonly number[]): number[] {
  return a.map((x, i) => x + (b[i] ?? NaN));
}
