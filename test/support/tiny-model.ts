import { onTestFinished } from "vitest";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { packFloatModel } from "./float-model.ts";
import { temporaryFolder } from "./folder.ts";

/**
 * A tiny random checkpoint in full precision, closed after the test: what two ways through the engine compute can be compared
 * to the last digits, and a run takes a moment. Its 512 positions are enough where a test says nothing else.
 */
export async function openTinyModel(architecture = "llama", positions = 512): Promise<LanguageModel> {
  const source = await openModel(goldenPath(architecture));
  const model = await LanguageModel.open(await packFloatModel(source, temporaryFolder(), positions), 1);
  await source.close();
  onTestFinished(() => model.close());
  return model;
}
