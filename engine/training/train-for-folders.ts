/** The training that users start: for the model at hand, from their own folders and what these depend on. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import type { CallContext } from "../protocol/requests.ts";
import type { LayerProjection } from "../retrieval/projections.ts";
import { writeProjections } from "../retrieval/projections-file.ts";
import { withSteps } from "./code-steps.ts";
import type { PairModel } from "./encode-pairs.ts";
import { type HeldOutResult, heldOutRecall, recallAt } from "./held-out-recall.ts";
import { gatherSources } from "./sources.ts";
import { untrainedLayer } from "./train-projection.ts";
import { TRAINING_DEFAULTS, type TrainedProjections, trainProjections } from "./train-projections.ts";

/** Recall over held-out questions. */
export interface RecallFigures {
  at1: number;
  at8: number;
}

/** What a training gave. */
export interface TrainResult {
  /** Pairs that were learnt from, and tokens that were run through the model. */
  pairs: number;
  tokens: number;
  seconds: number;
  /** Questions about projects that nothing was learnt from, and the blocks among which the right one had to be found. */
  questions: number;
  blocks: number;
  trained: RecallFigures;
  /** Of what the look-up went by before: other projections, or random ones where the model had none. */
  before: RecallFigures;
  /** Whether the trained projections did better, and are now used. */
  used: boolean;
}

/** Where things lie, and what is there already. */
export interface FolderTrainingOptions {
  /** Keeps what is done of a training that was stopped. */
  workFolder: string;
  /** Where the projections go when they are better. */
  output: string;
  threads: number;
  /** Projections that the model has now. */
  current?: readonly LayerProjection[];
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
  const { workFolder, output, threads, secretPatterns = [], log } = options;
  const started = performance.now();
  const files = gatherSources(folders, { secretPatterns, signal: context.signal });
  const trained = await trainProjections(pair, files, { ...TRAINING_DEFAULTS, workFolder, threads, log }, context);
  const before = await resultBefore(trained, options, context.signal);
  const used = isBetter(trained.heldOut.together, before.together);
  const [now, then] = [figuresOf(trained.heldOut), figuresOf(before)];
  if (used) {
    await mkdir(dirname(output), { recursive: true });
    const figures = { pairs: trained.pairs, recallAt1: now.at1, recallAt8: now.at8 };
    await writeProjections(output, { modelHash: pair.model.hash, layers: trained.layers, figures });
  }
  trained.release();
  const { pairs, tokens, heldOut } = trained;
  const seconds = (performance.now() - started) / 1000;
  const { blocks, together } = heldOut;
  return { pairs, tokens, seconds, questions: together.length, blocks, trained: now, before: then, used };
}

async function resultBefore(
  { data, layers }: TrainedProjections,
  { current, threads }: FolderTrainingOptions,
  signal: AbortSignal,
): Promise<HeldOutResult> {
  const known = current?.filter(({ layer }) => layers.some((each) => each.layer === layer)) ?? [];
  if (known.length > 0) return heldOutRecall(data, known, threads, signal);
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
