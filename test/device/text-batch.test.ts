import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import type { PrefillResult } from "../../engine/inference/prefill-result.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenCheckpoints } from "../models/golden-checkpoints.ts";
import { largestDifference } from "../support/all-logits.ts";
import { packFloatModel } from "../support/float-model.ts";
import { temporaryFolder } from "../support/folder.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";
import { openTinyModel } from "../support/tiny-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

const WANTS = { hidden: true, queries: true, residuals: true };

/** All that came out of a run. */
function numbers({ kv, hidden, queries, residuals }: PrefillResult): Float32Array[] {
  return [...kv.keys, ...kv.values, hidden, ...queries.values(), ...residuals.values()];
}

async function openOn(provider: "cpu" | "webgpu", path: string): Promise<{ model: LanguageModel; lost: string[] }> {
  const source = await openModel(path);
  const converted = await packFloatModel(source, temporaryFolder(), 512);
  await source.close();
  const model = await LanguageModel.open(converted, 1);
  onTestFinished(() => model.close());
  const { folder, config, manifest } = converted;
  const lost: string[] = [];
  const device = await DeviceModel.open({ folder, config, heads: manifest.heads }, 1, provider);
  model.useDevice(device, ({ message }) => lost.push(message));
  return { model, lost };
}

// The texts' lengths have nothing in common; the last does not end where a kernel's tile does.
const LENGTHS = [40, 1, 128, 7, 93];
const texts = LENGTHS.map((length, seed) => randomTokens(length, seed));

beforeAll(checkSwiftShader);

const checkpoints = goldenCheckpoints().map(({ architecture, paths }) => ({ architecture, path: paths[0] ?? "" }));
// The graph is the same on both: on WebGPU, where a run takes long, one of them shows that its kernels do as much.
const cases = [
  ...checkpoints.map((checkpoint) => ({ ...checkpoint, provider: "cpu" as const })),
  ...checkpoints
    .slice(0, HAS_SWIFTSHADER ? 1 : 0)
    .map((checkpoint) => ({ ...checkpoint, provider: "webgpu" as const })),
];

describe.each(cases)("$architecture's texts in one run of a device's graph on $provider", ({ path, provider }) => {
  test("are what each of them is alone, and know nothing of each other", async () => {
    const { model, lost } = await openOn(provider, path);
    const prefix = model.window(0);
    await model.read(prefix, randomTokens(20, 9), 0);
    const together = await model.runEach(prefix, texts, WANTS);
    for (const [i, text] of texts.entries()) {
      const positions = Int32Array.from(text, (_, at) => prefix.length + at);
      const alone = numbers(await model.run(prefix, text, positions, WANTS));
      const among = together[i];
      if (!among) throw new Error("a text was left out");
      numbers(among).forEach((values, part) => {
        expect(values.length).toBe(alone[part]?.length);
        expect(largestDifference(values, alone[part] ?? [])).toBeLessThan(1e-4);
      });
    }
    // Others of the same lengths beside it: not one bit of it changes.
    const third = texts[2] ?? new Int32Array(0);
    const others = LENGTHS.map((length, seed) => (seed === 2 ? third : randomTokens(length, 100 + seed)));
    const again = await model.runEach(prefix, others, WANTS);
    if (!again[2] || !together[2]) throw new Error("a text was left out");
    expect(numbers(again[2])).toEqual(numbers(together[2]));
    expect(lost).toEqual([]);
  });
});

test("more texts than a run takes go through several", async () => {
  const model = await openTinyModel("llama", 4096);
  const { folder, config, attentionHeads: heads } = model;
  const prefix = model.window(0);
  await model.read(prefix, randomTokens(20, 9), 0);
  const many = Array.from({ length: 30 }, (_, i) => randomTokens(90 + i, i));
  const expected = await model.runEach(prefix, many, WANTS);
  const device = await DeviceModel.open({ folder, config, heads }, 1, "cpu");
  model.useDevice(device, () => undefined);
  expect(model.batchRows).toBeGreaterThan(512);
  const got = await model.runEach(prefix, many, WANTS);
  for (const [i, result] of got.entries()) {
    const own = numbers(expected[i] ?? result);
    numbers(result).forEach((values, part) => expect(largestDifference(values, own[part] ?? [])).toBeLessThan(1e-3));
  }
});
