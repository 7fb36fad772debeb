import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenCheckpoints } from "../models/golden-checkpoints.ts";
import { largestDifference } from "../support/all-logits.ts";
import { packFloatModel } from "../support/float-model.ts";
import { temporaryFolder } from "../support/folder.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";

beforeAll(checkSwiftShader);

const checkpoints = goldenCheckpoints().map(({ paths, ...rest }) => ({ ...rest, path: paths[0] ?? "" }));

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
    for (const position of [20, 21, 22]) {
      const step = await model.decode(window, all[position] ?? 0, position, { attention: true, best: true });
      expect(largestDifference(step.logits, at(position))).toBeLessThan(1e-3);
    }
    expect(await model.prefill(window, all.subarray(23), 23)).toHaveLength(config.vocabulary);
    expect(window.awayTokens).toHaveLength(tokens.length - 20);
    expect(lost).toEqual([]);
  });
});
