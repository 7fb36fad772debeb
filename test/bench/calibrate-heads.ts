/** Finds a model's retrieval heads by the questions of two seeds: the same heads should come out. */
import { chooseHeads } from "../../engine/inference/find-heads.ts";
import type { Head } from "../../engine/inference/observed-layers.ts";
import { type PrefillFolder, QueryRunner } from "../../engine/inference/query-runner.ts";
import { scoreHeads } from "../../engine/inference/score-heads.ts";

/** Neither is the seed of conversions. */
const SEEDS = [2, 3] as const;

interface FoundHeads {
  seed: number;
  /** Layer/head of the best by itself and of all that were kept; none where no head is of use. */
  lookup?: string;
  heads: string[];
  /** Of the best: mean of 1 / rank of the right block among 64. */
  reciprocalRank: number;
  seconds: number;
}

/** What two seeds found. */
export interface HeadsResult {
  found: FoundHeads[];
  /** Heads that both found over those that either found; absent where neither found any. */
  overlap?: number;
}

/** Searches twice. @param model converted */
export async function headsRun(
  model: PrefillFolder,
  threads: number,
  tell: (text: string) => void,
): Promise<HeadsResult> {
  const runner = await QueryRunner.open(model, threads);
  try {
    const found: FoundHeads[] = [];
    for (const seed of SEEDS) {
      tell(`Looking for retrieval heads with seed ${seed}`);
      found.push(await search(runner, seed, threads));
    }
    const overlap = overlapOf(found[0]?.heads ?? [], found[1]?.heads ?? []);
    return { found, ...(overlap === undefined ? {} : { overlap }) };
  } finally {
    await runner.close();
  }
}

async function search(runner: QueryRunner, seed: number, threads: number): Promise<FoundHeads> {
  const started = performance.now();
  const scored = await scoreHeads(runner, seed, threads);
  const seconds = (performance.now() - started) / 1000;
  const chosen = chooseHeads(scored);
  const name = ({ layer, head }: Head) => `${layer}/${head}`;
  const best = { heads: chosen?.retrieval.map(name) ?? [], reciprocalRank: scored[0]?.reciprocalRank ?? 0 };
  return { seed, ...best, ...(chosen?.lookup ? { lookup: name(chosen.lookup) } : {}), seconds };
}

function overlapOf(one: readonly string[], other: readonly string[]): number | undefined {
  const either = new Set([...one, ...other]);
  return either.size === 0 ? undefined : one.filter((head) => other.includes(head)).length / either.size;
}
