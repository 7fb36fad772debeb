/** A thousand questions of a tiny model on a GPU, each in a window of its own; prints what was held early and late as JSON. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { packFloatModel } from "../support/float-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

const QUESTIONS = 1_000;
/** Tokens that are read before the question, of it, and written. */
const [MEMORY_TOKENS, QUESTION_TOKENS, ANSWER_TOKENS] = [24, 8, 2];

const folder = mkdtempSync(join(tmpdir(), "repo-memory-gpu-"));
const source = await openModel(goldenPath("llama"));
const converted = await packFloatModel(source, folder, 512);
await source.close();
const model = await LanguageModel.open(converted, 1);
const device = await DeviceModel.open({ folder, config: model.config, heads: model.attentionHeads }, 1);
model.useDevice(device, (error) => {
  throw error;
});
const held: { device: number; rss: number }[] = [];
for (let question = 0; question < QUESTIONS; question++) {
  const window = model.window(MEMORY_TOKENS + QUESTION_TOKENS + ANSWER_TOKENS);
  await model.read(window, randomTokens(MEMORY_TOKENS, question), 0);
  await model.read(window, randomTokens(QUESTION_TOKENS, question), window.length);
  for (let token = 0; token < ANSWER_TOKENS; token++)
    await model.decode(window, 5 + token, window.length, { best: true });
  held.push({ device: device.bytes, rss: process.memoryUsage.rss() });
}
const [early, late] = [held[QUESTIONS / 10], held.at(-1)];
rmSync(folder, { recursive: true, force: true });
console.log(
  JSON.stringify({
    questions: held.length,
    deviceBytes: [early?.device, late?.device],
    rssBytes: [early?.rss, late?.rss],
  }),
);
process.exit(0);
