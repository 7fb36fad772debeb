import type { SegmentEncoder } from "../../engine/blocks/block.ts";
import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { openBenchModel } from "../bench/open-bench-model.ts";
import { testDataDir, testModelPath } from "./model.ts";

/** The product's own encoder on the real model, for tests that take an encoder as a module. */
export async function createEncoder(): Promise<SegmentEncoder> {
  const model = await openBenchModel({ dataDir: testDataDir(), modelPath: testModelPath(), threads: 2 });
  return BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles));
}
