/**
 * Two pass keys, in one file or in numbered files: which one comes first? Half would be right by chance. Beside it plain
 * attention with the text around both. `--limit N` asks the first N.
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import type { CaseFigures } from "./eval-case.ts";
import { type OrderCase, orderCases, saysFirst } from "./passkey-cases.ts";
import { byKind, type CasesResult, runCases } from "./run-cases.ts";

const SEED = 4;

interface OrderResult extends CasesResult {
  kinds: Record<string, CaseFigures>;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<OrderResult> {
  const { result, outcomes } = await runCases<OrderCase>(options, {
    name: "order",
    seed: SEED,
    make: async (haystack) => orderCases(await haystack(100_000), SEED),
    isRight: saysFirst,
  });
  return { ...result, kinds: byKind(outcomes) };
}
