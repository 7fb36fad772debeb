/**
 * Random keys and values in JSON files, about 75,000 tokens, as InfiniteBench's Retrieve.KV: the value of a key, digit for
 * digit. Asks 100 of them, or `--limit N`.
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import { type EvalCase, names } from "./eval-case.ts";
import { haystackTokens } from "./haystack.ts";
import { keyValueCases } from "./key-value-pairs.ts";
import { type CasesResult, runCases } from "./run-cases.ts";

const SEED = 3;
const QUESTIONS = 100;
/** A sentence that says key and value takes some seventy. */
const ANSWER_TOKENS = 128;

/** See the module. */
export async function run(options: BenchOptions): Promise<CasesResult> {
  const { result } = await runCases<EvalCase>(options, {
    name: "retrieve-kv",
    seed: SEED,
    make: async (_, count) => {
      const { files, cases } = keyValueCases(haystackTokens(75_000), SEED, count);
      return { files, cases: cases.slice(0, QUESTIONS) };
    },
    isRight: names,
    answerTokens: ANSWER_TOKENS,
  });
  return result;
}
