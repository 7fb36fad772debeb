import { expect, test } from "vitest";
import { ropeTable } from "../../engine/graph/rope.ts";
import type { ModelConfig } from "../../engine/models/model-source.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";

async function configOf(name: string): Promise<ModelConfig> {
  const source = await openModel(goldenPath(name));
  await source.close();
  return source.config;
}

/** What each pair turns by from one position to the next: read back from the table. */
function frequenciesOf(config: ModelConfig): number[] {
  const { cos, sin, half } = ropeTable(config, 2);
  return Array.from({ length: half }, (_, i) => Math.atan2(sin[half + i] ?? NaN, cos[half + i] ?? NaN));
}

test("unscaled frequencies fall from 1 by equal ratios", async () => {
  const config = await configOf("qwen2");
  const frequencies = frequenciesOf(config);
  expect(frequencies).toHaveLength(config.headDim / 2);
  for (const [i, value] of frequencies.entries())
    expect(value / config.ropeTheta ** ((-2 * i) / config.headDim)).toBeCloseTo(1, 6);
});

test("Llama 3's scaling keeps high frequencies, divides low ones and blends those between", async () => {
  const config = await configOf("llama");
  const { ropeScaling, ...unscaled } = config;
  if (!ropeScaling) throw new Error("the fixture has no scaling");
  const [scaled, plain] = [frequenciesOf(config), frequenciesOf(unscaled)];
  const divisors = plain.map((frequency, i) => frequency / (scaled[i] ?? NaN));
  expect(divisors[0]).toBeCloseTo(1, 6);
  expect(divisors.at(-1)).toBeCloseTo(ropeScaling.factor, 5);
  for (const [i, divisor] of divisors.entries()) expect(divisor).toBeGreaterThanOrEqual((divisors[i - 1] ?? 0) - 1e-6);
  expect(divisors.some((divisor) => divisor > 1.01 && divisor < ropeScaling.factor - 0.01)).toBe(true);
});

test("GGUF's divisors give what the scaling gives", async () => {
  const [scaled, divided] = [await configOf("llama"), await configOf("llama.gguf")];
  expect(scaled.ropeScaling).toBeDefined();
  expect(divided.ropeFactors).toBeDefined();
  const frequencies = frequenciesOf(scaled);
  for (const [i, value] of frequenciesOf(divided).entries()) expect(value / (frequencies[i] ?? NaN)).toBeCloseTo(1, 6);
});

test("a table's row is the angle of its position", async () => {
  const config = await configOf("llama");
  const frequencies = frequenciesOf(config);
  const { cos, sin, half } = ropeTable(config, 300);
  for (const position of [0, 1, 47, 299]) {
    for (let i = 0; i < half; i++) {
      const angle = position * (frequencies[i] ?? NaN);
      expect(cos[position * half + i]).toBeCloseTo(Math.cos(angle), 4);
      expect(sin[position * half + i]).toBeCloseTo(Math.sin(angle), 4);
    }
  }
});
