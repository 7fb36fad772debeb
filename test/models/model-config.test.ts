import { expect, test } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import { gguf, tinyLlama, writeGguf } from "./gguf-writer.ts";
import { goldenPath } from "./golden-checkpoints.ts";
import { outcome, temporaryFile } from "./model-files.ts";

type Value = ReturnType<typeof gguf.u32>;

/** A tiny GGUF whose metadata has `key` set to `value`, or not at all. */
function fileWith(key: string, value?: Value): Promise<string> {
  const parts = tinyLlama();
  const metadata = parts.metadata.filter(([name]) => name !== key);
  if (value !== undefined) metadata.push([key, value]);
  return temporaryFile(writeGguf({ ...parts, metadata }));
}

test.each<[string, Value | undefined, RegExp]>([
  ["general.architecture", gguf.string("phi3"), /^model-unsupported: .*the architecture "phi3"/],
  ["general.architecture", undefined, /^model-invalid: FILE: general\.architecture is missing/],
  ["general.architecture", gguf.u32(3), /general\.architecture is 3, not a text/],
  ["llama.block_count", undefined, /llama\.block_count is missing; expected an integer from 1 to 1024/],
  ["llama.block_count", gguf.u32(4_000_000_000), /llama\.block_count is 4000000000, not an integer from 1 to 1024/],
  ["llama.block_count", gguf.u32(2), /tensor blk\.1\.attn_norm\.weight is missing/],
  ["llama.embedding_length", gguf.u32(48), /where the config says/],
  ["llama.attention.head_count", gguf.u32(3), /llama\.attention\.key_length is 10\.6\d+, not an integer/],
  ["llama.attention.head_count_kv", gguf.integers([1]), /llama\.attention\.head_count_kv is a list, not an integer/],
  ["llama.attention.head_count_kv", gguf.u32(0), /llama\.attention\.head_count_kv is 0/],
  [
    "llama.attention.value_length",
    gguf.u32(8),
    /llama\.attention\.value_length is 8, where the rest of the file says 16/,
  ],
  ["llama.rope.dimension_count", gguf.u32(8), /llama\.rope\.dimension_count is 8, where the rest of the file says 16/],
  [
    "llama.attention.layer_norm_rms_epsilon",
    gguf.f32(Number.NaN),
    /layer_norm_rms_epsilon is NaN, not a number above 0/,
  ],
  ["llama.rope.freq_base", gguf.f32(-1), /llama\.rope\.freq_base is -1, not a number above 0/],
  ["llama.rope.scaling.type", gguf.string("yarn"), /^model-unsupported: .*rope scaling "yarn"/],
  ["llama.rope.scale_linear", gguf.f32(4), /^model-unsupported: .*linear rope scaling/],
  ["llama.expert_count", gguf.u32(8), /^model-unsupported: .*a mixture of experts/],
])("GGUF's %s is checked (%#)", async (key, value, message) => {
  expect(await outcome(await fileWith(key, value))).toMatch(message);
});

test("a sliding window shorter than the context bounds it, in both formats", async () => {
  const file = await openModel(await fileWith("llama.attention.sliding_window", gguf.u32(24)));
  const folder = await openModel(goldenPath("mistral"));
  expect([file.config.contextTokens, folder.config.contextTokens]).toEqual([24, 128]);
  await Promise.all([file.close(), folder.close()]);
});

test("head width, biases, norms and rope are those of the files", async () => {
  const shown = [];
  for (const name of ["llama", "llama.gguf", "mistral", "qwen2.gguf", "qwen3"]) {
    const model = await openModel(goldenPath(name));
    const { headDim, attentionBias, qkNorm, tiedEmbeddings, ropeTheta, ropeScaling, ropeFactors } = model.config;
    await model.close();
    shown.push([
      name,
      headDim,
      attentionBias,
      qkNorm,
      tiedEmbeddings,
      ropeTheta,
      ropeScaling?.factor,
      ropeFactors?.at(-1),
    ]);
  }
  expect(shown).toEqual([
    ["llama", 16, false, false, false, 10_000, 8, undefined],
    ["llama.gguf", 16, false, false, false, 10_000, undefined, 8],
    ["mistral", 16, false, false, false, 1_000_000, undefined, undefined],
    ["qwen2.gguf", 16, true, false, true, 1_000_000, undefined, undefined],
    ["qwen3", 32, false, true, true, 1_000_000, undefined, undefined],
  ]);
});
