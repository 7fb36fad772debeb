import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import { findProjections, trainedProjections } from "../../engine/inference/open-lookup.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import type { Progress } from "../../engine/protocol/requests.ts";
import { trainForFolders } from "../../engine/training/train-for-folders.ts";
import { temporaryFolder } from "../support/folder.ts";
import { openTinyModel } from "../support/tiny-model.ts";

const COLOURS = ["red", "green", "blue", "white", "black", "brown", "grey", "pink"];
const THINGS = ["box", "door", "wheel", "lamp", "chair", "clock", "kettle", "ladder", "mirror", "shelf"];

/** Functions that hold words of their comments: even a random model can learn to match tokens that are the same. */
function files(): Record<string, string> {
  const file = (i: number) =>
    THINGS.map((thing, j) => {
      const colour = COLOURS[(i + j) % COLOURS.length] ?? "";
      const about = `// Moves every ${colour} ${thing} into corner ${i}${j} of the house.\n`;
      return `${about}function act${i}x${j}() {\n  return move("${colour} ${thing}", "corner ${i}${j}");\n}\n`;
    }).join("\n");
  return Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`f${i}.js`, file(i)]));
}

test("what was trained is used where it finds more than what was there, and nothing else is left behind", async () => {
  const model = await openTinyModel("qwen2", 1024);
  const encoder = await BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles));
  const dataDir = temporaryFolder();
  const told: Progress[] = [];
  const context = {
    signal: new AbortController().signal,
    onProgress: (progress: Progress) => void told.push(progress),
  };
  const options = { dataDir, threads: 1, maxTokens: 30_000, epochs: 2, log: () => undefined };
  const result = await trainForFolders({ model, encoder }, [temporaryFolder(files())], options, context);
  expect(result.pairs).toBeGreaterThanOrEqual(200);
  expect(result.trained.at8).toBeGreaterThan(8 / result.blocks);
  expect(existsSync(trainedProjections(dataDir, model.hash))).toBe(result.used);
  const found = await findProjections(model, options);
  expect(found?.map(({ layer }) => layer)).toEqual(result.used ? [...model.projected] : undefined);
  expect(existsSync(join(dataDir, "training", `work-${model.hash.slice(0, 16)}`))).toBe(false);
  expect(told.every(({ phase, done, total }) => phase === "train" && done <= total)).toBe(true);
  expect(told.at(-1)?.done).toBe(1000);
  const steps = told.map(({ done }) => done);
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
});
