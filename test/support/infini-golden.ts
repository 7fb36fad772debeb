/** The tiny backbone, weights and logits that `python -m infini.golden` wrote. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import * as v from "valibot";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { type InfiniWeights, infiniWeights } from "../../engine/memory/infini-weights.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { readStrategyWeights, type StrategyWeights } from "../../engine/models/strategy-weights.ts";
import { packFloatModel } from "./float-model.ts";
import { temporaryFolder } from "./folder.ts";

const FOLDER = new URL("../golden/infini/", import.meta.url);

const path = (name: string) => fileURLToPath(new URL(name, FOLDER));

const Tokens = v.array(v.number());

interface InfiniGolden {
  model: LanguageModel;
  stored: StrategyWeights;
  weights: InfiniWeights;
  prefix: Int32Array;
  segments: Int32Array[];
  question: Int32Array;
  /** Of every token of the question, [question, vocabulary], with the segments in memory. */
  logits: Float32Array;
}

/** The model is closed after the test. */
export async function openInfiniGolden(positions = 512): Promise<InfiniGolden> {
  const source = await openModel(path("model"));
  const model = await LanguageModel.open(await packFloatModel(source, temporaryFolder(), positions), 1);
  await source.close();
  onTestFinished(() => model.close());
  const stored = await readStrategyWeights(path("weights.safetensors"), "infini");
  const texts = v.parse(
    v.object({ prefix: Tokens, segments: v.array(Tokens), question: Tokens }),
    JSON.parse(readFileSync(path("texts.json"), "utf8")),
  );
  return {
    model,
    stored,
    weights: infiniWeights(stored, model.config),
    prefix: Int32Array.from(texts.prefix),
    segments: texts.segments.map((segment) => Int32Array.from(segment)),
    question: Int32Array.from(texts.question),
    logits: new Float32Array(new Uint8Array(readFileSync(path("logits.bin"))).buffer),
  };
}
