import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenCheckpoints } from "../models/golden-checkpoints.ts";
import { decodeLogits, hiddenStates, largestDifference } from "../support/all-logits.ts";
import { packFloatModel } from "../support/float-model.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "repo-memory-parity-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function open(path: string): Promise<LanguageModel> {
  const source = await openModel(path);
  const model = await LanguageModel.open(await packFloatModel(source, folder), 1);
  await source.close();
  return model;
}

describe.each(goldenCheckpoints())("$architecture", ({ paths, tokens, logits }) => {
  test.each(paths)("%s has the logits of transformers, read at once and token by token", async (path) => {
    const model = await open(path);
    const read = await model.logits(await hiddenStates(model, Int32Array.from(tokens)));
    expect(largestDifference(read, logits)).toBeLessThan(1e-3);
    expect(largestDifference(await decodeLogits(model, tokens), logits)).toBeLessThan(1e-3);
    await model.close();
  });

  test("tokens read in parts, with unused slots in the window, are as if read at once", async () => {
    const [path = ""] = paths;
    const model = await open(path);
    const all = Int32Array.from(tokens);
    const window = model.window(tokens.length + 7);
    await model.read(window, all.subarray(0, 11), 0);
    await model.read(window, all.subarray(11, 30), 11);
    const last = await model.prefill(window, all.subarray(30), 30);
    expect(largestDifference(last, logits.subarray(-last.length))).toBeLessThan(1e-3);
    await model.close();
  });
});
