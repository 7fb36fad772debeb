/**
 * Does the look-up find a block that lies on what answers the question, first or among the first eight? Over whole packages
 * in three languages, beside BM25 over the same blocks. `--limit N` asks the first N questions of each corpus and kind.
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import type { LineRange } from "../../engine/protocol/requests.ts";
import { type LookUpName, openRankers } from "./baselines.ts";
import { type Corpus, evalHalf, openCorpora } from "./corpora.ts";
import type { Half } from "./corpus-recipes.ts";
import { type EvalQuestion, isGold } from "./eval-question.ts";
import { type Estimate, mean, proportion } from "./intervals.ts";
import { type LayerRecall, layerRecall } from "./infllm-row.ts";
import { type EvalSession, openEval } from "./open-eval.ts";

/** Blocks among which a right one has to be. */
const TOP = 8;

/** Shares of questions. */
interface RecallFigures {
  at1: Estimate;
  at8: Estimate;
}

/** One group of questions: each look-up's figures, and ours minus BM25's, question by question. */
type GroupResult = Partial<Record<LookUpName, RecallFigures>> & { oursMinusBm25: RecallFigures };

/** What one corpus was. */
interface CorpusResult extends GroupResult {
  tokens: number;
  encodedTokens: number;
  questions: number;
}

/** What the command prints. */
interface RecallEvaluation {
  half: Half;
  all: GroupResult;
  /** InfLLM's layers each for itself, over all questions: their mean, and the best one, which only hindsight can name. */
  infllmLayers: LayerRecall;
  kinds: Record<string, GroupResult>;
  /** Of the questions that name an identifier. */
  subkinds: Record<string, GroupResult>;
  corpora: Record<string, CorpusResult>;
}

/** Where each look-up had the first right block, from 1; 0 when it is not among the first `TOP`. */
export interface RecallOutcome {
  question: EvalQuestion;
  ranks: Partial<Record<LookUpName, number>>;
  /** Likewise, for each layer's own look-up. */
  infllmLayers?: number[];
}

/** See the module. */
export async function run(options: BenchOptions): Promise<RecallEvaluation> {
  const half = evalHalf();
  const corpora = await openCorpora(options.dataDir, half, options.tell);
  const session = await openEval(options);
  const outcomes: RecallOutcome[] = [];
  const results: [string, CorpusResult][] = [];
  for (const corpus of corpora) {
    const { asked, ...sizes } = await askAll(session, corpus, options);
    outcomes.push(...asked);
    results.push([corpus.name, { ...sizes, questions: asked.length, ...summarise(asked) }]);
    options.tell(JSON.stringify(results.at(-1)));
  }
  await session.close();
  return {
    half,
    all: summarise(outcomes),
    infllmLayers: layerRecall(outcomes.flatMap((outcome) => (outcome.infllmLayers ? [outcome.infllmLayers] : []))),
    kinds: summariseBy(outcomes, ({ question }) => question.kind),
    subkinds: summariseBy(outcomes, ({ question }) => question.subkind),
    corpora: Object.fromEntries(results),
  };
}

async function askAll(
  session: EvalSession,
  corpus: Corpus,
  options: BenchOptions,
): Promise<{ asked: RecallOutcome[]; tokens: number; encodedTokens: number }> {
  const memory = await session.open(corpus.folder);
  const { rankers, infllmLayers, close } = await openRankers(corpus.half, memory, session, options);
  const asked: RecallOutcome[] = [];
  for (const question of firstOfEachKind(corpus.questions, options.limit)) {
    const rankOf = (blocks: readonly LineRange[]) => blocks.findIndex((block) => isGold(question, block)) + 1;
    const outcome: RecallOutcome = { question, ranks: {} };
    for (const [name, rank] of rankers) {
      outcome.ranks[name] = rankOf(await rank(question, TOP));
    }
    const layers = await infllmLayers?.(question, TOP);
    if (layers) outcome.infllmLayers = layers.map(rankOf);
    // What was missed in the half that is reported is for nobody to look at.
    if (corpus.half === "tune")
      options.tell(JSON.stringify({ ...outcome.ranks, question: question.question, golds: question.golds }));
    asked.push(outcome);
  }
  await close();
  await memory.close();
  return { asked, tokens: memory.tokens, encodedTokens: memory.encodedTokens };
}

/** The first `limit` questions of each kind. */
export function firstOfEachKind(questions: readonly EvalQuestion[], limit = Infinity): EvalQuestion[] {
  const kinds = Map.groupBy(questions, ({ kind }) => kind);
  return [...kinds.values()].flatMap((list) => list.slice(0, limit));
}

function summariseBy(
  outcomes: readonly RecallOutcome[],
  key: (outcome: RecallOutcome) => string | undefined,
): Record<string, GroupResult> {
  const groups = Map.groupBy(outcomes, key);
  return Object.fromEntries(
    [...groups].flatMap(([name, group]) => (name === undefined ? [] : [[name, summarise(group)]])),
  );
}

/** Figures of a group of questions. A look-up is left out where it was not asked. */
export function summarise(outcomes: readonly RecallOutcome[]): GroupResult {
  const names: LookUpName[] = ["ours", "bm25", "infllm"];
  const asked = names.filter((name) => outcomes.some(({ ranks }) => ranks[name] !== undefined));
  const ranksOf = (name: LookUpName): number[] => outcomes.map(({ ranks }) => ranks[name] ?? 0);
  const figures = asked.map((name): [LookUpName, RecallFigures] => [name, recallAt(ranksOf(name))]);
  return { ...Object.fromEntries(figures), oursMinusBm25: difference(ranksOf("ours"), ranksOf("bm25")) };
}

function recallAt(ranks: readonly number[]): RecallFigures {
  return { at1: proportion(ranks.map((rank) => rank === 1)), at8: proportion(ranks.map((rank) => rank > 0)) };
}

/** Paired: the same questions asked of both. */
function difference(ours: readonly number[], theirs: readonly number[]): RecallFigures {
  const paired = (isHit: (rank: number) => boolean): Estimate =>
    mean(ours.map((rank, i) => Number(isHit(rank)) - Number(isHit(theirs[i] ?? 0))));
  return { at1: paired((rank) => rank === 1), at8: paired((rank) => rank > 0) };
}
