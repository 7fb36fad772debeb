/**
 * Questions whose answer stands in a file that only another file leads to: a constant that is set to another, a function that
 * returns what another returns, in 50,000 tokens of real sources, where `recallAt8` counts both ends; and those that people wrote
 * about the reported corpora, where it counts the place of the answer. `--limit N` asks the first N of either.
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import { openCorpora } from "./corpora.ts";
import { caseFigures, type CaseFigures, names } from "./eval-case.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { openEval } from "./open-eval.ts";
import { askFolder, byKind, type CasesResult, type CasesRun, runCases, sizedCorpus } from "./run-cases.ts";
import { type TwoHopCase, twoHopCases } from "./two-hop-cases.ts";

const SEED = 5;

interface TwoHopResult extends CasesResult {
  kinds: Record<string, CaseFigures>;
}

/** See the module. `tokens` are those of the generated folder. */
export async function run(options: BenchOptions): Promise<TwoHopResult> {
  const { result, outcomes } = await runCases<TwoHopCase>(options, {
    name: "two-hop",
    seed: SEED,
    make: async (haystack) => twoHopCases(await haystack(50_000), SEED),
    isRight: names,
  });
  const all = [...outcomes, ...(await askWritten(options))];
  return { ...result, ...caseFigures(all.map(({ outcome }) => outcome)), kinds: byKind(all) };
}

async function askWritten(options: BenchOptions): Promise<CasesRun<TwoHopCase>["outcomes"]> {
  const { dataDir, limit = Infinity, tell } = options;
  const corpora = await openCorpora(dataDir, "report", tell);
  const session = await openEval(options);
  const all: CasesRun<TwoHopCase>["outcomes"] = [];
  try {
    const count = (text: string) => session.loaded.encoder.tokenize(text).length;
    for (const whole of corpora) {
      const { folder, files: texts, questions } = sizedCorpus(dataDir, whole, count);
      const cases = questions.flatMap(writtenCase).slice(0, limit - all.length);
      const files = [...texts].map(([path, text]) => ({ path, text, tokens: 0 }));
      if (cases.length === 0) continue;
      all.push(...(await askFolder(session, { folder, files, cases }, { isRight: names, tell })).outcomes);
    }
  } finally {
    await session.close();
  }
  return all;
}

function writtenCase({ kind, question, golds, answers }: EvalQuestion): TwoHopCase[] {
  const gold = golds.map(({ path, startLine }) => ({ path, line: startLine }));
  return kind === "two-hop" ? [{ kind: "written", question, gold, answers }] : [];
}
