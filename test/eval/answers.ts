/**
 * Are questions answered from memory as well as with the right file, or with retrieved text, in the prompt? All kinds of
 * questions, greedy, checked by words that the answer must say. `--limit N` asks the first N of each corpus and kind.
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import { askText, type Passage } from "./ask-text.ts";
import { lookUpText } from "./baselines.ts";
import { ChunkIndex, fitPassages } from "./chunk-index.ts";
import { type Corpus, evalHalf, openCorpora } from "./corpora.ts";
import { names, passagesAround } from "./eval-case.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { type Estimate, mean, proportion } from "./intervals.ts";
import { type EvalSession, type EvalWorkspace, openEval } from "./open-eval.ts";
import { firstOfEachKind } from "./recall.ts";

/** Questions of each corpus and kind; more take hours. */
const LIMIT = 15;
const ANSWER_TOKENS = 64;
/** Tokens of the right file, around what answers. */
const FILE_TOKENS = 2_048;
/** Tokens of retrieved text, and chunks that are tried for them. */
const RETRIEVED_TOKENS = 1_024;
const CHUNKS = 8;

/** Whether an answer was right, by where it came from. */
export interface AnswerOutcome {
  kind: string;
  ours: boolean;
  rightFileAsText: boolean;
  bm25AsText: boolean;
  noMemory: boolean;
}

/** Shares of right answers, and ours minus the others', question by question. */
interface AnswerFigures {
  ours: Estimate;
  rightFileAsText: Estimate;
  bm25AsText: Estimate;
  noMemory: Estimate;
  oursMinusRightFileAsText: Estimate;
  oursMinusBm25AsText: Estimate;
}

/** See the module. */
export async function run(
  options: BenchOptions,
): Promise<AnswerFigures & { kinds: Record<string, AnswerFigures>; questions: number }> {
  const corpora = await openCorpora(options.dataDir, evalHalf(), options.tell);
  const session = await openEval(options);
  const outcomes: AnswerOutcome[] = [];
  for (const corpus of corpora) outcomes.push(...(await askAll(session, corpus, options)));
  await session.close();
  const kinds = Map.groupBy(outcomes, ({ kind }) => kind);
  return {
    ...answerFigures(outcomes),
    kinds: Object.fromEntries([...kinds].map(([kind, group]) => [kind, answerFigures(group)])),
    questions: outcomes.length,
  };
}

async function askAll(
  session: EvalSession,
  corpus: Corpus,
  { limit = LIMIT, tell }: BenchOptions,
): Promise<AnswerOutcome[]> {
  const memory = await session.open(corpus.folder);
  const chunks = new ChunkIndex(corpus.files);
  const checked = corpus.questions.filter(({ answers }) => answers.length > 0);
  const outcomes: AnswerOutcome[] = [];
  for (const [i, question] of firstOfEachKind(checked, limit).entries()) {
    const outcome = await askOne(session, memory, corpus, chunks, question);
    outcomes.push(outcome);
    // Hours: what was asked by then is not lost where it is ended.
    tell(`${corpus.name}, question ${i + 1}: ${JSON.stringify(outcome)}`);
  }
  await memory.close();
  return outcomes;
}

async function askOne(
  session: EvalSession,
  memory: EvalWorkspace,
  { files }: Corpus,
  chunks: ChunkIndex,
  asked: EvalQuestion,
): Promise<AnswerOutcome> {
  const { kind, question, history = [], golds } = asked;
  const count = (text: string): number => session.loaded.encoder.tokenize(text).length;
  const sources = [...files].map(([path, text]) => ({ path, text, tokens: 0 }));
  const places = golds.slice(0, 1).map(({ path, startLine }) => ({ path, line: startLine }));
  const rightFile = passagesAround(sources, places, FILE_TOKENS, count);
  const retrieved = fitPassages(chunks.search(lookUpText(asked), CHUNKS), RETRIEVED_TOKENS, count);
  const withText = async (passages: readonly Passage[]): Promise<boolean> =>
    names(await askText(session, question, passages, ANSWER_TOKENS, history), asked);
  return {
    kind,
    ours: names(await memory.ask(question, { history, maxTokens: ANSWER_TOKENS }), asked),
    rightFileAsText: await withText(rightFile),
    bm25AsText: await withText(retrieved),
    noMemory: await withText([]),
  };
}

/** Shares and paired differences of a group of questions. */
export function answerFigures(outcomes: readonly AnswerOutcome[]): AnswerFigures {
  const share = (of: (outcome: AnswerOutcome) => boolean): Estimate => proportion(outcomes.map(of));
  const paired = (of: (outcome: AnswerOutcome) => boolean): Estimate =>
    mean(outcomes.map((outcome) => Number(outcome.ours) - Number(of(outcome))));
  return {
    ours: share(({ ours }) => ours),
    rightFileAsText: share(({ rightFileAsText }) => rightFileAsText),
    bm25AsText: share(({ bm25AsText }) => bm25AsText),
    noMemory: share(({ noMemory }) => noMemory),
    oursMinusRightFileAsText: paired(({ rightFileAsText }) => rightFileAsText),
    oursMinusBm25AsText: paired(({ bm25AsText }) => bm25AsText),
  };
}
