/**
 * Trains the look-up projections anew, from packages to a file, and compares them with the shipped ones on the same held-out
 * questions. `--limit N` encodes N thousand tokens at most. The new file stays in the data folder (`bench/calibrate/`): from there
 * it is copied to `engine/projections/` when it is to be shipped.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { readProjections, writeProjections } from "../../engine/retrieval/projections-file.ts";
import { type HeldOutResult, heldOutRecall } from "../../engine/training/held-out-recall.ts";
import { type SourceFile, sourcesOf } from "../../engine/training/sources.ts";
import {
  TRAINING_DEFAULTS,
  type TrainedProjections,
  trainProjections,
} from "../../engine/training/train-projections.ts";
import { type Estimate, mean, proportion } from "../eval/intervals.ts";
import type { BenchOptions } from "./benchmark.ts";
import { fixtureRun, type FixtureResult } from "./calibrate-fixture.ts";
import { headsRun, type HeadsResult } from "./calibrate-heads.ts";
import { openBenchModel } from "./open-bench-model.ts";
import { openTrainingCorpora, type TrainingCorpus } from "./training-corpora.ts";

/** Recall among the held-out blocks. */
interface Recall {
  at1: Estimate;
  at8: Estimate;
}

interface HeldOutRecall extends Recall {
  /** Questions that describe a definition, and those that name it. */
  described: Recall;
  named: Recall;
  layers: Record<string, Recall>;
}

interface CalibrateResult {
  /** From sources on disk to checked projections: mining, encoding, training, held-out recall. */
  seconds: number;
  /** To fetch the packages that were not there yet. */
  fetchSeconds: number;
  projects: number;
  pairs: number;
  tokens: number;
  heldOut: { questions: number; blocks: number };
  heldOutRecall: HeldOutRecall;
  /** The shipped file on the same questions, and new minus shipped at 8, paired; absent where none is shipped. */
  shipped?: { heldOutRecall: HeldOutRecall; difference: Estimate };
  retrievalHeads: HeadsResult;
  /** A tiny random checkpoint of another architecture. */
  fixture: FixtureResult;
}

export async function run(options: BenchOptions): Promise<CalibrateResult> {
  const { dataDir, threads, tell, limit } = options;
  const fixture = await fixtureRun(threads, tell);
  const fetching = performance.now();
  const corpora = await openTrainingCorpora(dataDir, tell);
  const fetchSeconds = (performance.now() - fetching) / 1000;
  const model = await openBenchModel(options);
  try {
    const maxTokens = limit === undefined ? TRAINING_DEFAULTS.maxTokens : limit * 1000;
    const started = performance.now();
    const trained = await train(model, corpora, { dataDir, threads, tell, maxTokens });
    const seconds = (performance.now() - started) / 1000;
    const heldOut = recallOf(trained.heldOut);
    await keep(model, trained, heldOut, join(dataDir, "bench", "calibrate"));
    const shipped = await shippedRecall(model, trained, threads);
    trained.release();
    const retrievalHeads = await headsRun(model, threads, tell);
    return {
      seconds,
      fetchSeconds,
      projects: corpora.length,
      pairs: trained.pairs,
      tokens: trained.tokens,
      heldOut: { questions: trained.heldOut.together.length, blocks: trained.heldOut.blocks },
      heldOutRecall: heldOut,
      ...(shipped === undefined ? {} : { shipped }),
      retrievalHeads,
      fixture,
    };
  } finally {
    await model.close();
  }
}

interface TrainSettings extends Pick<BenchOptions, "dataDir" | "threads" | "tell"> {
  maxTokens: number;
}

async function train(model: LanguageModel, corpora: readonly TrainingCorpus[], settings: TrainSettings) {
  const { dataDir, threads, tell, maxTokens } = settings;
  const encoder = await BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles));
  const workFolder = join(dataDir, "bench", "calibrate", "work");
  rmSync(workFolder, { recursive: true, force: true }); // nothing of an earlier run may save time
  const heldOut = corpora.filter((corpus) => corpus.heldOut).map(({ name }) => name);
  const training = { ...TRAINING_DEFAULTS, maxTokens, heldOut, workFolder, threads, log: tell };
  let told = -1;
  const onProgress = ({ done, total, detail = "" }: { done: number; total: number; detail?: string }) => {
    const percent = Math.floor((100 * done) / total);
    if (percent >= told + 5) tell(`${(told = percent)} %: ${detail}`);
  };
  const context = { signal: new AbortController().signal, onProgress };
  return trainProjections({ model, encoder }, allSources(corpora), training, context);
}

async function* allSources(corpora: readonly TrainingCorpus[]): AsyncGenerator<SourceFile> {
  for (const corpus of corpora) yield* sourcesOf(corpus);
}

async function keep(model: LanguageModel, trained: TrainedProjections, recall: HeldOutRecall, folder: string) {
  mkdirSync(folder, { recursive: true });
  const figures = {
    pairs: trained.pairs,
    tokens: trained.tokens,
    heldOutQuestions: trained.heldOut.together.length,
    heldOutBlocks: trained.heldOut.blocks,
    recallAt1: recall.at1.value,
    recallAt8: recall.at8.value,
  };
  const path = join(folder, `${model.hash.slice(0, 16)}.safetensors`);
  await writeProjections(path, { modelHash: model.hash, layers: trained.layers, figures });
}

async function shippedRecall(model: LanguageModel, trained: TrainedProjections, threads: number) {
  const path = fileURLToPath(
    new URL(`../../engine/projections/${model.hash.slice(0, 16)}.safetensors`, import.meta.url),
  );
  const file = await readProjections(path).catch(() => undefined);
  if (file === undefined) return undefined;
  const result = await heldOutRecall(trained.data, file.layers, threads, new AbortController().signal);
  const gains = trained.heldOut.together.map((rank, i) => Number(rank < 8) - Number((result.together[i] ?? 8) < 8));
  return { heldOutRecall: recallOf(result), difference: mean(gains) };
}

function recallOf({ together, kinds, ranks }: HeldOutResult): HeldOutRecall {
  const of = (some: readonly number[]): Recall => ({
    at1: proportion(some.map((rank) => rank < 1)),
    at8: proportion(some.map((rank) => rank < 8)),
  });
  return {
    ...of(together),
    described: of(together.filter((_, i) => kinds[i] === "description")),
    named: of(together.filter((_, i) => kinds[i] !== "description")),
    layers: Object.fromEntries([...ranks].map(([layer, some]) => [layer, of(some)])),
  };
}
