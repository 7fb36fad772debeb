/**
 * A hundred access codes, alike but for the service that they are of, in 100,000 tokens of real sources. Beside it plain
 * attention with the right file, and no memory. `--limit N` asks for the first N.
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import { type EvalCase, names } from "./eval-case.ts";
import { multiKeyCases } from "./passkey-cases.ts";
import { type CasesResult, runCases } from "./run-cases.ts";

const SEED = 2;

/** See the module. */
export async function run(options: BenchOptions): Promise<CasesResult> {
  const { result } = await runCases<EvalCase>(options, {
    name: "multi-key",
    seed: SEED,
    make: async (haystack) => multiKeyCases(await haystack(100_000), SEED),
    isRight: names,
  });
  return result;
}
