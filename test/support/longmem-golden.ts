/** The tiny backbone, side network and logits that `python -m longmem.golden` wrote. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import * as v from "valibot";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { type LongMemWeights, longMemWeights } from "../../engine/memory/longmem-weights.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { readStrategyWeights, type StrategyWeights } from "../../engine/models/strategy-weights.ts";
import { packFloatModel } from "./float-model.ts";
import { temporaryFolder } from "./folder.ts";

const FOLDER = new URL("../golden/longmem/", import.meta.url);

const path = (name: string) => fileURLToPath(new URL(name, FOLDER));

const Tokens = v.array(v.number());

interface LongMemGolden {
  model: LanguageModel;
  stored: StrategyWeights;
  weights: LongMemWeights;
  prefix: Int32Array;
  segments: Int32Array[];
  question: Int32Array;
  /** Of every token of the question, [question, vocabulary]: with the segments in the bank, and with an empty one. */
  logits: { full: Float32Array; plain: Float32Array };
}

/** The model is closed after the test. */
export async function openLongMemGolden(positions = 512): Promise<LongMemGolden> {
  const source = await openModel(path("model"));
  const model = await LanguageModel.open(await packFloatModel(source, temporaryFolder(), positions), 1);
  await source.close();
  onTestFinished(() => model.close());
  const stored = await readStrategyWeights(path("weights.safetensors"), "longmem");
  const texts = v.parse(
    v.object({ prefix: Tokens, segments: v.array(Tokens), question: Tokens }),
    JSON.parse(readFileSync(path("texts.json"), "utf8")),
  );
  const logits = new Float32Array(new Uint8Array(readFileSync(path("logits.bin"))).buffer);
  const half = logits.length / 2;
  return {
    model,
    stored,
    weights: longMemWeights(stored, model.config),
    prefix: Int32Array.from(texts.prefix),
    segments: texts.segments.map((segment) => Int32Array.from(segment)),
    question: Int32Array.from(texts.question),
    logits: { full: logits.subarray(0, half), plain: logits.subarray(half) },
  };
}
