/**
 * Finds a model's retrieval heads: the few attention heads that look up what is asked for (Wu et al., "Retrieval Head
 * Mechanistically Explains Long-Context Factuality", 2024). Done once, when a model is converted.
 */
import { type AttentionHeads, guessedHeads, type Head } from "./observed-layers.ts";
import { type PrefillFolder, QueryRunner } from "./query-runner.ts";
import { type ScoredHead, scoreHeads } from "./score-heads.ts";

/**
 * A head below this mean reciprocal rank is of no use: the right block is not among the first four. Chance is 0.07 with a
 * standard error of 0.013 over 128 questions and 64 blocks, so that a model without such heads does not reach it by luck.
 */
const LEAST_RECIPROCAL_RANK = 0.25;
/** Retrieval heads that are kept, and the layers that they may lie in: each layer costs time at every token. */
const MOST_HEADS = 6;
const MOST_LAYERS = 3;

/**
 * The heads of a converted model, found by the questions of one seed.
 * @param model its `prefill.onnx` and weights must be there
 * @param onFile called after each file of the made code; what it throws ends the search
 * @throws RepoMemoryError "model-invalid"
 */
export async function findHeads(
  model: PrefillFolder,
  seed: number,
  threads: number,
  onFile?: () => void,
): Promise<AttentionHeads> {
  const runner = await QueryRunner.open(model, threads);
  try {
    return chooseHeads(await scoreHeads(runner, seed, threads, onFile)) ?? guessedHeads(model.config);
  } finally {
    await runner.close();
  }
}

/**
 * The best head, and up to `MOST_HEADS` that are nearer to it than to the common head (the median): most heads score like
 * chance, a few far above. Undefined where even the best is of no use.
 * @param scored best first
 */
export function chooseHeads(scored: readonly ScoredHead[]): AttentionHeads | undefined {
  const best = scored[0];
  if (!best || !(best.reciprocalRank >= LEAST_RECIPROCAL_RANK)) return undefined;
  const common = scored[scored.length >> 1]?.reciprocalRank ?? 0;
  const retrieval: Head[] = [];
  for (const { layer, head, reciprocalRank } of scored) {
    if (retrieval.length === MOST_HEADS || reciprocalRank < (best.reciprocalRank + common) / 2) break;
    const layers = new Set([...retrieval.map((kept) => kept.layer), layer]);
    if (layers.size <= MOST_LAYERS) retrieval.push({ layer, head });
  }
  return { lookup: { layer: best.layer, head: best.head }, retrieval };
}
