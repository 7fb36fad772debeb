import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import type { ModelConfig } from "../../engine/models/model-source.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenCheckpoints } from "../models/golden-checkpoints.ts";
import { largestDifference } from "../support/all-logits.ts";
import { packFloatModel } from "../support/float-model.ts";
import { temporaryFolder } from "../support/folder.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";

beforeAll(checkSwiftShader);

const checkpoints = goldenCheckpoints().map(({ paths, ...rest }) => ({ ...rest, path: paths[0] ?? "" }));

type Shape = Pick<ModelConfig, "heads" | "kvHeads" | "headDim" | "hidden" | "vocabulary">;

/** Between host and device for a token that is written, of a window whose buffers have `slots`: nothing of the window itself. */
function bytesOfStep({ heads, kvHeads, headDim, hidden, vocabulary }: Shape, slots: number): number {
  const [float, integer] = [4, 8];
  const places = kvHeads * (2 + 3 * headDim) * integer;
  const up = 2 * integer + places + slots * float + 2 * (heads / kvHeads) * float;
  return up + slots * float + hidden * float + Math.min(512, vocabulary) * (float + integer);
}

test("a written token moves less than 64 KiB behind 2,048 of memory, with SmolLM2's shape", () => {
  const shape = { heads: 9, kvHeads: 3, headDim: 64, hidden: 576, vocabulary: 49_152 };
  expect(bytesOfStep(shape, 2_560)).toBe(33_624);
});

describe.skipIf(!HAS_SWIFTSHADER).each(checkpoints)("$architecture", ({ path, tokens, logits }) => {
  test("has the logits of transformers on WebGPU, read at once and token by token", async () => {
    const source = await openModel(path);
    const converted = await packFloatModel(source, temporaryFolder());
    await source.close();
    const model = await LanguageModel.open(converted, 1);
    onTestFinished(() => model.close());
    const { folder, config, manifest } = converted;
    const device = await DeviceModel.open({ folder, config, heads: manifest.heads }, 1);
    const lost: string[] = [];
    model.useDevice(device, ({ message }) => lost.push(message));
    const all = Int32Array.from(tokens);
    const window = model.window(0);
    const read = await model.prefill(window, all.subarray(0, 20), 0);
    const at = (token: number) => logits.subarray(token * config.vocabulary, (token + 1) * config.vocabulary);
    expect(largestDifference(read, at(19))).toBeLessThan(1e-3);
    const before = device.transfers;
    for (const position of [20, 21, 22]) {
      const step = await model.decode(window, all[position] ?? 0, position, { attention: true, best: true });
      expect(largestDifference(step.logits, at(position))).toBeLessThan(1e-3);
    }
    const { up, down } = device.transfers;
    expect((up - before.up + down - before.down) / 3).toBe(bytesOfStep(config, 512));
    expect(await model.prefill(window, all.subarray(23), 23)).toHaveLength(config.vocabulary);
    expect(window.awayTokens).toHaveLength(tokens.length - 20);
    expect(lost).toEqual([]);
  });
});
