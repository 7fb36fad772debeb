/** Which look-up a model gets: its projections where it has some, else its retrieval head, else none. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { shippedFile } from "../models/shipped-file.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import { readProjections } from "../retrieval/projections-file.ts";
import type { LayerProjection } from "../retrieval/projections.ts";
import type { AttentionWindow } from "./attention-window.ts";
import { HeadLookup } from "./head-lookup.ts";
import type { LanguageModel } from "./language-model.ts";
import type { ModelLookup } from "./model-lookup.ts";
import { ProjectedLookup } from "./projected-lookup.ts";
import { TokenProjector } from "./token-projector.ts";

/** Where projections lie: those that were trained on this machine, then those that come with the program. */
export interface LookupSources {
  dataDir: string;
  threads: number;
  log: (line: string) => void;
}

/** The look-up of a model behind `prefix`; undefined where nothing is known of the model, and words must do. */
export async function openLookup(
  model: LanguageModel,
  prefix: AttentionWindow,
  sources: LookupSources,
): Promise<ModelLookup | undefined> {
  const projections = await findProjections(model, sources);
  if (projections) {
    const projector = await TokenProjector.open(projections, model.config.hidden, sources.threads);
    return new ProjectedLookup(model, prefix, projector);
  }
  const head = model.attentionHeads.lookup;
  return head ? HeadLookup.create(model, prefix, head) : undefined;
}

/** Where a model's projections are kept, once they are trained on this machine. */
export function trainedProjections(dataDir: string, modelHash: string): string {
  return join(dataDir, "projections", fileName(modelHash));
}

function fileName(modelHash: string): string {
  return `${modelHash.slice(0, 16)}.safetensors`;
}

/** The projections that a model's look-up goes by, those of this machine before those that come with the program. */
export async function findProjections(
  model: LanguageModel,
  { dataDir, log }: LookupSources,
): Promise<LayerProjection[] | undefined> {
  for (const path of [trainedProjections(dataDir, model.hash), shippedFile("projections", fileName(model.hash))]) {
    if (path === undefined || !existsSync(path)) continue;
    try {
      const { modelHash, layers } = await readProjections(path);
      if (modelHash === model.hash && fits(layers, model)) return layers;
      log(`The projections in ${path} are another model's, and were left out.`);
    } catch (error) {
      log(`Projections were left out. ${RepoMemoryError.from(error).message}`);
    }
  }
  return undefined;
}

function fits(layers: readonly LayerProjection[], { config, projected }: LanguageModel): boolean {
  return layers.every(({ layer, tokenWeight }) => projected.includes(layer) && tokenWeight.length === config.hidden);
}
