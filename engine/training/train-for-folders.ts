/** The training that users start: for the model at hand, from their own folders and what these depend on. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { findProjections, trainedProjections } from "../inference/open-lookup.ts";
import type { CallContext, RecallFigures, TrainResult } from "../protocol/requests.ts";
import type { LayerProjection } from "../retrieval/projections.ts";
import { writeProjections } from "../retrieval/projections-file.ts";
import { withSteps } from "./code-steps.ts";
import type { PairModel } from "./encode-pairs.ts";
import { type HeldOutResult, heldOutRecall, recallAt } from "./held-out-recall.ts";
import { gatherSources } from "./sources.ts";
import { untrainedLayer } from "./train-projection.ts";
import {
  TRAINING_DEFAULTS,
  type TrainedProjections,
  type TrainingOptions,
  trainProjections,
} from "./train-projections.ts";

/** What a training of a model needs besides it. */
export interface FolderTrainingOptions extends Partial<Pick<TrainingOptions, "maxTokens" | "epochs">> {
  /** Where what is done of a stopped training is kept, and the projections in the end. */
  dataDir: string;
  threads: number;
  secretPatterns?: readonly string[];
  log: (line: string) => void;
}

/** What recall must gain over what was there before it is believed: two standard errors. */
const STANDARD_ERRORS = 2;

/**
 * Trains projections for a model from `folders` and their dependencies, and keeps them when they find more than what was there.
 * @throws RepoMemoryError "usage" when the folders have too few comments; the signal's reason when it is aborted
 */
export async function trainForFolders(
  pair: PairModel,
  folders: readonly string[],
  options: FolderTrainingOptions,
  context: CallContext,
): Promise<TrainResult> {
  const { dataDir, secretPatterns = [] } = options;
  const { hash } = pair.model;
  const workFolder = join(dataDir, "training", `work-${hash.slice(0, 16)}`);
  const started = performance.now();
  const files = gatherSources(folders, { secretPatterns, signal: context.signal });
  const trained = await trainProjections(pair, files, { ...TRAINING_DEFAULTS, ...options, workFolder }, context);
  const current = await findProjections(pair.model, options);
  const before = await resultBefore(trained, current ?? [], options.threads, context.signal);
  const used = isBetter(trained.heldOut.together, before.together);
  const [now, then] = [figuresOf(trained.heldOut), figuresOf(before)];
  if (used) {
    const output = trainedProjections(dataDir, hash);
    await mkdir(dirname(output), { recursive: true });
    const figures = { pairs: trained.pairs, recallAt1: now.at1, recallAt8: now.at8 };
    await writeProjections(output, { modelHash: hash, layers: trained.layers, figures });
  }
  trained.release();
  const { pairs, tokens, heldOut } = trained;
  const seconds = (performance.now() - started) / 1000;
  const { blocks, together } = heldOut;
  return { pairs, tokens, seconds, questions: together.length, blocks, trained: now, before: then, used };
}

async function resultBefore(
  { data, layers }: TrainedProjections,
  current: readonly LayerProjection[],
  threads: number,
  signal: AbortSignal,
): Promise<HeldOutResult> {
  if (current.length > 0) return heldOutRecall(data, current, threads, signal);
  const random: LayerProjection[] = [];
  for (const { layer } of layers) random.push(await withSteps(data, untrainedLayer(data, layer), threads));
  return heldOutRecall(data, random, threads, signal);
}

/** Whether recall at 8 is higher by more than chance on the same questions explains. @param now ranks; @param before ranks */
export function isBetter(now: readonly number[], before: readonly number[]): boolean {
  const gains = now.map((rank, i) => Number(rank < 8) - Number((before[i] ?? 0) < 8));
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / Math.max(1, gains.length);
  const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / Math.max(1, gains.length - 1);
  return mean > STANDARD_ERRORS * Math.sqrt(variance / Math.max(1, gains.length));
}

function figuresOf({ together }: HeldOutResult): RecallFigures {
  return { at1: recallAt(together, 1), at8: recallAt(together, 8) };
}
