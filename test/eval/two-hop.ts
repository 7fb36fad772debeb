/**
 * Questions whose answer stands in a file that only another file leads to: a constant that is set to another, a function that
 * returns what another returns, in 50,000 tokens of real sources. `recallAt8` counts both ends. `--limit N` asks the first N.
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import { type CaseFigures, names } from "./eval-case.ts";
import { byKind, type CasesResult, runCases } from "./run-cases.ts";
import { type TwoHopCase, twoHopCases } from "./two-hop-cases.ts";

const SEED = 5;

interface TwoHopResult extends CasesResult {
  kinds: Record<string, CaseFigures>;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<TwoHopResult> {
  const { result, outcomes } = await runCases<TwoHopCase>(options, {
    name: "two-hop",
    seed: SEED,
    make: async (haystack) => twoHopCases(await haystack(50_000), SEED),
    isRight: names,
  });
  return { ...result, kinds: byKind(outcomes) };
}
