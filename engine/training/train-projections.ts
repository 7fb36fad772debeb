/** Trains the look-up projections of one model: pairs, their hidden states, a layer after the other, held-out recall. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { DefinitionFinder } from "../ingest/definition-finder.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext } from "../protocol/requests.ts";
import type { LayerProjection } from "../retrieval/projections.ts";
import { withSteps } from "./code-steps.ts";
import { encodePairs, type PairModel } from "./encode-pairs.ts";
import { type HeldOutResult, heldOutRecall } from "./held-out-recall.ts";
import { layOut } from "./pair-layout.ts";
import type { MineOptions } from "./pair-set.ts";
import { minePairs } from "./pairs.ts";
import type { SourceFile } from "./sources.ts";
import { TrainingMeter } from "./training-meter.ts";
import { type TrainingData, trainProjection } from "./train-projection.ts";

export interface TrainingOptions extends Pick<MineOptions, "seed" | "maxTokens" | "heldOut"> {
  /** Keeps what is done of a training that was stopped; deleted at the end. */
  workFolder: string;
  epochs: number;
  threads: number;
  log: (line: string) => void;
}

/** What was trained and how well it does. The caller decides whether it is used. */
export interface TrainedProjections {
  layers: LayerProjection[];
  heldOut: HeldOutResult;
  /** Pairs that were learnt from. */
  pairs: number;
  tokens: number;
  /** The pairs and their states, to judge other projections by; closed and deleted by `release`. */
  data: TrainingData;
  release: () => void;
}

/** Fewer pairs teach nothing that holds elsewhere. */
const FEWEST_PAIRS = 200;

/** What a training that nobody tuned takes: some ten minutes for a model of 135M parameters on two cores. */
export const TRAINING_DEFAULTS = { seed: 1, maxTokens: 650_000, epochs: 8 } as const;

/**
 * Trains from `files`. A stopped training goes on where it was: mining gives the same pairs, whose states are on disk, and each
 * layer has a checkpoint an epoch.
 * @throws RepoMemoryError "usage" when the sources have too few comments; the signal's reason when it is aborted
 */
export async function trainProjections(
  pair: PairModel,
  files: AsyncIterable<SourceFile> | Iterable<SourceFile>,
  options: TrainingOptions,
  context: CallContext,
): Promise<TrainedProjections> {
  const { workFolder, epochs, seed, threads } = options;
  mkdirSync(workFolder, { recursive: true });
  const meter = new TrainingMeter(context.onProgress);
  const data = await prepareData(pair, files, options, context.signal, meter);
  try {
    const layers: LayerProjection[] = [];
    for (const layer of pair.model.projected) {
      const trained = await trainProjection(data, {
        layer,
        epochs,
        seed: seed + layer,
        threads,
        checkpoint: join(workFolder, `layer-${layer}.checkpoint`),
        signal: context.signal,
        onStep: (done, all) => meter.training(layer, layers.length + done / all, pair.model.projected.length),
      });
      layers.push(await withSteps(data, trained, threads));
    }
    const heldOut = await heldOutRecall(data, layers, threads, context.signal);
    const pairs = data.set.pairs.filter((each) => !each.heldOut).length;
    return { layers, heldOut, pairs, tokens: data.set.tokens, data, release: () => release(data, workFolder) };
  } catch (error) {
    data.encoded.close();
    throw error;
  }
}

async function prepareData(
  pair: PairModel,
  files: AsyncIterable<SourceFile> | Iterable<SourceFile>,
  { workFolder, seed, maxTokens, heldOut, log }: TrainingOptions,
  signal: AbortSignal,
  meter: TrainingMeter,
): Promise<TrainingData> {
  const finder = new DefinitionFinder(log);
  try {
    const named = heldOut === undefined ? {} : { heldOut };
    const mining = { seed, maxTokens, signal, onFile: (file: SourceFile) => meter.mining(file), ...named };
    const set = await minePairs(files, pair.encoder, finder, mining);
    const learnt = set.pairs.filter((each) => !each.heldOut).length;
    if (learnt < FEWEST_PAIRS || learnt === set.pairs.length) throw tooFewPairs(learnt);
    const layout = layOut(set, (text) => pair.encoder.tokenize(text));
    const onRows = (done: number, all: number) => meter.encoding(done, all);
    const encoded = await encodePairs(pair, layout, join(workFolder, "states"), { signal, onRows });
    return { set, layout, encoded };
  } finally {
    finder.rest();
  }
}

function tooFewPairs(pairs: number): RepoMemoryError {
  return new RepoMemoryError("usage", {
    message: `The sources have ${pairs} comments that describe code; ${FEWEST_PAIRS} are needed.`,
    meaning: "Nothing can be learnt from so few, so the look-up stays as it is.",
    remedy: "Name more folders with source code, or install the project's dependencies first.",
  });
}

function release({ encoded }: TrainingData, workFolder: string): void {
  encoded.close();
  rmSync(workFolder, { recursive: true, force: true });
}
