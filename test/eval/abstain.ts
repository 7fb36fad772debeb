/**
 * Does the answer say so when nothing in the memory fits the question? `{abstained, falselyAbstained}` over 40 questions that the
 * Python report corpus answers, 40 about other corpora and 40 about invented names. Beside it what the model says in words when
 * it is given no memory. `--limit N` asks the first N of the mixture.
 */
import type { AskResult } from "../../engine/protocol/requests.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { type AbstainCase, abstainCases, saysNotFound } from "./abstain-cases.ts";
import { askText } from "./ask-text.ts";
import { type Corpus, openCorpora } from "./corpora.ts";
import { type Estimate, proportion } from "./intervals.ts";
import { type EvalSession, type EvalWorkspace, openEval } from "./open-eval.ts";
import { sizedCorpus } from "./run-cases.ts";

const SEED = 7;
const EACH = 40;
const ANSWER_TOKENS = 64;

interface AbstainResult {
  /** Of the questions that nothing answers. */
  abstained: Estimate;
  /** Of the questions that the corpus answers. */
  falselyAbstained: Estimate;
  bySource: Record<string, Estimate>;
  /** The same shares, of answers that the engine marked: what the model says by itself does not count. */
  marked: { abstained: Estimate; falselyAbstained: Estimate };
  noMemory: { abstained: Estimate; falselyAbstained: Estimate };
  seed: number;
}

interface Outcome extends AbstainCase {
  ours: boolean;
  marked: boolean;
  noMemory: boolean;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<AbstainResult> {
  const { dataDir, limit, tell } = options;
  const corpora = await openCorpora(dataDir, "report", tell);
  const session = await openEval(options);
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const outcomes: Outcome[] = [];
  try {
    const { corpus, cases } = casesOf(corpora, (whole) => sizedCorpus(dataDir, whole, count));
    const memory = await session.open(corpus.folder);
    for (const asked of cases.slice(0, limit)) outcomes.push(await askOne(session, memory, asked, tell));
    await memory.close();
  } finally {
    await session.close();
  }
  return figures(outcomes);
}

/** Questions about one corpus and about the others. */
function casesOf(
  corpora: readonly Corpus[],
  sized: (corpus: Corpus) => Corpus,
): { corpus: Corpus; cases: AbstainCase[] } {
  const whole = corpora.find(({ name }) => name === "python");
  if (whole === undefined) throw new Error("There is no Python report corpus");
  const corpus = sized(whole);
  const named = ({ questions }: Corpus) => questions.filter(({ kind }) => kind === "identifier");
  const others = corpora.filter((other) => other !== whole).flatMap(named);
  const text = [...corpus.files.values()].join("\n");
  return { corpus, cases: abstainCases(named(corpus), others, text, { count: EACH, seed: SEED }) };
}

async function askOne(
  session: EvalSession,
  { workspace, folder }: EvalWorkspace,
  asked: AbstainCase,
  tell: (text: string) => void,
): Promise<Outcome> {
  const { question } = asked;
  let result: AskResult | undefined;
  for await (const event of workspace.ask({ folder, question, maxTokens: ANSWER_TOKENS }, session.context)) {
    if (event.type === "end") ({ result } = event);
  }
  const none = await askText(session, question, []);
  if (result === undefined) throw new Error(`"${question}" was not answered`);
  const outcome = { ...asked, ours: abstains(result), marked: !result.found, noMemory: saysNotFound(none) };
  tell(JSON.stringify({ ...outcome, answer: result.answer, none }));
  return outcome;
}

/** The engine marks an answer that nothing in the memory speaks for; the model may say so by itself. */
function abstains({ found, answer }: AskResult): boolean {
  return !found || saysNotFound(answer);
}

function figures(outcomes: readonly Outcome[]): AbstainResult {
  const [answerable, unanswerable] = [
    outcomes.filter(({ source }) => source === "answerable"),
    outcomes.filter(({ source }) => source !== "answerable"),
  ];
  const share = (own: readonly Outcome[], of: (outcome: Outcome) => boolean) => proportion(own.map(of));
  const both = (of: (outcome: Outcome) => boolean) => ({
    abstained: share(unanswerable, of),
    falselyAbstained: share(answerable, of),
  });
  const sources = Map.groupBy(outcomes, ({ source }) => source);
  return {
    ...both(({ ours }) => ours),
    bySource: Object.fromEntries([...sources].map(([source, own]) => [source, share(own, ({ ours }) => ours)])),
    marked: both(({ marked }) => marked),
    noMemory: both(({ noMemory }) => noMemory),
    seed: SEED,
  };
}
