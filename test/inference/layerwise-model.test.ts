import { describe, expect, onTestFinished, test } from "vitest";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { LayerwiseModel, type LayerRowsOut } from "../../engine/inference/layerwise-model.ts";
import { hiddenStates, largestDifference } from "../support/all-logits.ts";
import { openTinyModel } from "../support/tiny-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

async function open(model: LanguageModel): Promise<LayerwiseModel> {
  const layerwise = await LayerwiseModel.open(model, 1);
  onTestFinished(() => layerwise.close());
  return layerwise;
}

/** Closes the one far column, and the near ones behind each row's own; [rows, 1 + rows]. */
function causalBias(rows: number): Float32Array {
  const bias = new Float32Array(rows * (rows + 1)).fill(-1e9);
  for (let row = 0; row < rows; row++) bias.fill(0, row * (rows + 1) + 1, row * (rows + 1) + row + 2);
  return bias;
}

/** Plain attention: every token near, none far. */
function plain(layerwise: LayerwiseModel, rows: number) {
  const none = new Float32Array(layerwise.config.kvHeads * layerwise.config.headDim);
  return async (_layer: number, { query, keys, values }: LayerRowsOut) => {
    const sides = { nearKeys: keys, nearValues: values, farKeys: none, farValues: none };
    return layerwise.attend({ query, ...sides, bias: causalBias(rows), position: 0, farPosition: 0 });
  };
}

describe.each(["llama", "qwen2", "qwen3"])("%s", (architecture) => {
  test("layers run one by one, with plain attention between them, give the whole model's logits", async () => {
    const model = await openTinyModel(architecture);
    const layerwise = await open(model);
    const tokens = randomTokens(90, 3);
    const hidden = await layerwise.run(tokens, plain(layerwise, tokens.length));
    const whole = await model.logits(await hiddenStates(model, tokens));
    expect(largestDifference(await model.logits(hidden), whole)).toBeLessThan(1e-3);
  });
});

test("attention says how much each column got: every row hands out 1 a head", async () => {
  const layerwise = await open(await openTinyModel());
  const { heads } = layerwise.config;
  const rows = 12;
  const masses: Float32Array[] = [];
  await layerwise.run(randomTokens(rows, 4), async (_layer, { query, keys, values }) => {
    const far = { farKeys: keys.slice(0, keys.length / rows), farValues: values.slice(0, values.length / rows) };
    const bias = new Float32Array(rows * (rows + 1));
    const inputs = { query, nearKeys: keys, nearValues: values, ...far, bias, position: 0, farPosition: 20 };
    const { attended, mass } = await layerwise.attend(inputs);
    masses.push(mass);
    return { attended };
  });
  expect(masses).toHaveLength(layerwise.config.layers);
  for (const mass of masses) {
    expect(mass).toHaveLength(heads * (rows + 1));
    for (let head = 0; head < heads; head++) {
      const own = mass.subarray(head * (rows + 1), (head + 1) * (rows + 1));
      expect(own.reduce((sum, value) => sum + value, 0)).toBeCloseTo(rows, 3);
    }
  }
});
