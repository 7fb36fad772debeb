import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import type { Progress } from "../../engine/protocol/requests.ts";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { bestSteps } from "../../engine/training/code-steps.ts";
import type { PairModel } from "../../engine/training/encode-pairs.ts";
import { recallAt } from "../../engine/training/held-out-recall.ts";
import type { SourceFile } from "../../engine/training/sources.ts";
import { isBetter } from "../../engine/training/train-for-folders.ts";
import { trainProjections, type TrainingOptions } from "../../engine/training/train-projections.ts";
import { temporaryFolder } from "../support/folder.ts";
import { seededRandom } from "../support/random.ts";
import { openTinyModel } from "../support/tiny-model.ts";

const VERBS = [
  "opens",
  "closes",
  "paints",
  "weighs",
  "counts",
  "sorts",
  "turns",
  "lifts",
  "mends",
  "sells",
  "cleans",
  "locks",
];
const THINGS = ["boxes", "doors", "wheels", "lamps", "chairs", "clocks", "kettles", "ladders", "mirrors", "shelves"];

/** Small functions whose comments say with other words what the code says. */
function sources(): SourceFile[] {
  return Array.from({ length: 32 }, (_, i) => {
    const functions = THINGS.map((thing, j) => {
      const verb = VERBS[(i + j) % VERBS.length] ?? "";
      const where = `room ${i} of house ${j}`;
      return `// Slowly ${verb} all old ${thing} found in ${where}.\nfunction act${i}x${j}() {\n  return ["${verb}", "${thing}", ${i}, ${j}];\n}\n`;
    });
    return { project: `p${i % 8}`, path: `f${i}.js`, text: functions.join("\n") };
  });
}

async function tinyPair(): Promise<PairModel> {
  const model = await openTinyModel("qwen2", 1024);
  return { model, encoder: await BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles)) };
}

function options(workFolder: string): TrainingOptions {
  return { seed: 1, maxTokens: 30_000, epochs: 2, workFolder, threads: 1, log: () => undefined };
}

test("a training that was stopped twice ends with the same projections as one that was left alone", async () => {
  const pair = await tinyPair();
  const whole = await trainProjections(pair, sources(), options(temporaryFolder()), quiet());
  whole.release();
  expect(whole.heldOut.blocks).toBeGreaterThan(8);
  expect(recallAt(whole.heldOut.together, whole.heldOut.blocks)).toBe(1);

  const folder = temporaryFolder();
  for (const stopAt of [400, 900]) {
    const stopper = new AbortController();
    const onProgress = ({ done }: Progress) => void (done >= stopAt && stopper.abort());
    await expect(
      trainProjections(pair, sources(), options(folder), { signal: stopper.signal, onProgress }),
    ).rejects.toThrow(/abort/);
  }
  expect(readdirSync(join(folder, "states"))).toContain("state.json");
  const resumed = await trainProjections(pair, sources(), options(folder), quiet());
  expect(resumed.layers).toEqual(whole.layers);
  expect(resumed.heldOut).toEqual(whole.heldOut);
  resumed.release();
  expect(existsSync(folder)).toBe(false);
});

test("sources without comments are refused in words that help", async () => {
  const pair = await tinyPair();
  const bare = sources().map((file) => ({ ...file, text: file.text.replaceAll(/^\/\/.*$/gm, "") }));
  const training = trainProjections(pair, bare, options(temporaryFolder()), quiet());
  await expect(training).rejects.toMatchObject({ code: "usage", message: /0 comments/ });
});

function quiet(): { signal: AbortSignal; onProgress: () => void } {
  return { signal: new AbortController().signal, onProgress: () => undefined };
}

test("steps of codes fit each column, and cut off a rare large number", () => {
  const random = seededRandom(4);
  const units = Float32Array.from({ length: PROJECTED * 500 }, (_, i) => (random() - 0.5) * (1 + (i % PROJECTED)));
  units[7] = 100;
  const steps = bestSteps(units);
  expect(steps[20]).toBeGreaterThan((steps[10] ?? 0) * 1.5);
  expect(steps[7]).toBeLessThan(100 / 7);
});

test("only a gain beyond chance counts as one", () => {
  const before = Array.from({ length: 200 }, (_, i) => (i % 2 ? 0 : 20));
  const few = before.map((rank, i) => (i === 0 ? 0 : rank));
  const many = before.map((rank, i) => (i % 4 ? 0 : rank));
  expect(isBetter(few, before)).toBe(false);
  expect(isBetter(many, before)).toBe(true);
  expect(isBetter(before, many)).toBe(false);
});
