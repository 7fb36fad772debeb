import { expect, test } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import type { TensorName } from "../../engine/models/model-source.ts";
import { testModelPath } from "../support/model.ts";

test("SmolLM2's config is what its card says", async () => {
  const model = await openModel(testModelPath());
  await model.close();
  expect(model.config).toMatchObject({
    architecture: "llama",
    license: "apache-2.0",
    layers: 30,
    hidden: 576,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    intermediate: 1536,
    vocabulary: 49152,
    contextTokens: 8192,
    ropeTheta: 100_000,
    attentionBias: false,
    qkNorm: false,
    tiedEmbeddings: true,
  });
  expect(model.config.normEpsilon).toBeCloseTo(1e-5, 10);
});

test.each<[TensorName, number]>([
  ["layer.3.q", 4],
  ["layer.29.down", 4],
  ["embedding", 8],
])("the exact blocks of %s give the values that are read", async (name, bits) => {
  const model = await openModel(testModelPath());
  const values = await model.read(name);
  const matrix = await model.readAffine(name);
  await model.close();
  if (matrix === undefined) throw new Error(`${name} has no exact blocks`);
  expect([matrix.bits, matrix.rows * matrix.columns]).toEqual([bits, values.length]);
  const wrong = values.findIndex((value, i) => {
    const block = i >> 5;
    return (
      Math.fround((matrix.codes[i] ?? NaN) * (matrix.scales[block] ?? NaN) + (matrix.offsets[block] ?? NaN)) !== value
    );
  });
  expect(wrong).toBe(-1);
});
