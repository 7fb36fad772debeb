import { expect, test } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import type { TensorName } from "../../engine/models/model-source.ts";
import { goldenCheckpoints, goldenPath } from "./golden-checkpoints.ts";
import { referenceLogits } from "./reference-decoder.ts";

const FORMS = goldenCheckpoints().flatMap(({ paths, ...rest }) =>
  paths.map((path) => ({ ...rest, path, form: path.endsWith("gguf") ? "GGUF" : "safetensors" })),
);

test.each(FORMS)("$architecture as $form gives the logits of transformers", async ({ path, tokens, logits }) => {
  const model = await openModel(path);
  const computed = await referenceLogits(model, tokens);
  await model.close();
  const difference = computed.reduce((most, value, i) => Math.max(most, Math.abs(value - (logits[i] ?? Infinity))), 0);
  expect(computed.length).toBe(logits.length);
  // fp32 in transformers against doubles here.
  expect(difference).toBeLessThan(1e-4);
});

test.each(["llama", "qwen2"])("%s has the same weights as GGUF and as safetensors", async (architecture) => {
  const folder = await openModel(goldenPath(architecture));
  const file = await openModel(goldenPath(`${architecture}.gguf`));
  const names: TensorName[] = [
    "embedding",
    "final_norm",
    "layer.0.q",
    "layer.1.k",
    "layer.1.v",
    "layer.0.o",
    "layer.1.down",
  ];
  for (const name of names) expect(await file.read(name)).toEqual(await folder.read(name));
  for (const name of [...names, "output", "layer.0.q_bias", "layer.0.q_norm", "layer.2.q"] as const) {
    expect(file.has(name)).toBe(folder.has(name));
  }
  expect(await file.readAffine("layer.0.q")).toBeUndefined();
  await Promise.all([folder.close(), file.close()]);
});

test("a tensor that is not there cannot be read", async () => {
  const model = await openModel(goldenPath("llama"));
  await expect(model.read("layer.7.q")).rejects.toThrow("has no tensor layer.7.q");
  await model.close();
});
