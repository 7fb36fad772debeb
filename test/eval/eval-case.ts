/** Questions with known answers and known places: whether the look-up finds the places, and whether answers say the answers. */
import type { ScoredRange } from "../../engine/protocol/requests.ts";
import type { SourceFile } from "../support/large-folder.ts";
import { askText, type Passage } from "./ask-text.ts";
import { ChunkIndex, fitPassages } from "./chunk-index.ts";
import type { Place } from "./haystack.ts";
import { type Estimate, proportion } from "./intervals.ts";
import type { EvalSession, EvalWorkspace } from "./open-eval.ts";

/** A question and what is known of it. */
export interface EvalCase {
  question: string;
  /** All of these lines are needed. */
  gold: Place[];
  /** Each is right. */
  answers: string[];
}

/** How many of the cases were right. */
export interface CaseFigures {
  /** Every gold line lies in one of the first eight blocks. */
  recallAt8: Estimate;
  /** From memory. */
  ours: Estimate;
  /** Plain attention over the files with the gold lines, cut to 2,048 tokens around them. */
  rightFileAsText: Estimate;
  /** The best chunks of 60 lines by BM25, 1,024 tokens of them, read as text. */
  bm25AsText: Estimate;
  noMemory: Estimate;
}

/** What became of one case. */
export interface CaseOutcome {
  recalled: boolean;
  ours: boolean;
  rightFileAsText: boolean;
  bm25AsText: boolean;
  noMemory: boolean;
}

/** How cases are asked. */
export interface Asking<T> {
  isRight: (answer: string, asked: T) => boolean;
  /** Longest answer; as for all evaluations by default. */
  answerTokens?: number;
  tell: (text: string) => void;
}

const TOP = 8;
/** Tokens of the right files in the comparison with plain text. */
const FILE_TOKENS = 2048;
/** Tokens of retrieved text, and chunks that are tried for them. */
const RETRIEVED_TOKENS = 1024;
const CHUNKS = 8;
/** Lines that a passage grows by, above and below. */
const STEP = 8;

/** Asks every case from memory, with the right files as text, with retrieved text and without any; tells each outcome */
export async function measureCases<T extends Pick<EvalCase, "question" | "gold">>(
  session: EvalSession,
  memory: EvalWorkspace,
  files: readonly SourceFile[],
  cases: readonly T[],
  { isRight, tell, answerTokens }: Asking<T>,
): Promise<CaseOutcome[]> {
  const outcomes: CaseOutcome[] = [];
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const chunks = new ChunkIndex(new Map(files.map(({ path, text }) => [path, text])));
  for (const asked of cases) {
    const { question, gold } = asked;
    const ours = await memory.ask(question, answerTokens === undefined ? {} : { maxTokens: answerTokens });
    const text = await askText(session, question, passagesAround(files, gold, FILE_TOKENS, count), answerTokens);
    const retrieved = fitPassages(chunks.search(question, CHUNKS), RETRIEVED_TOKENS, count);
    const bm25 = await askText(session, question, retrieved, answerTokens);
    const none = await askText(session, question, [], answerTokens);
    const outcome = {
      recalled: holdsAll(await memory.recall(question, TOP), gold),
      ours: isRight(ours, asked),
      rightFileAsText: isRight(text, asked),
      bm25AsText: isRight(bm25, asked),
      noMemory: isRight(none, asked),
    };
    tell(JSON.stringify({ question, gold, ...outcome, answers: { ours, text, bm25, none } }));
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Shares of the cases. */
export function caseFigures(outcomes: readonly CaseOutcome[]): CaseFigures {
  return {
    recallAt8: proportion(outcomes.map(({ recalled }) => recalled)),
    ours: proportion(outcomes.map(({ ours }) => ours)),
    rightFileAsText: proportion(outcomes.map(({ rightFileAsText }) => rightFileAsText)),
    bm25AsText: proportion(outcomes.map(({ bm25AsText }) => bm25AsText)),
    noMemory: proportion(outcomes.map(({ noMemory }) => noMemory)),
  };
}

/** Whether an accepted answer stands in a text by itself, not inside a longer word or number. */
export function names(text: string, { answers }: Pick<EvalCase, "answers">): boolean {
  const escaped = answers.map((answer) => answer.replace(/[^\w\s]/g, "\\$&")).join("|");
  return new RegExp(`(?<![\\w.])(?:${escaped})(?!\\w|\\.\\d)`, "i").test(text);
}

/** Whether every place lies in one of the ranges. */
export function holdsAll(ranges: readonly ScoredRange[], places: readonly Place[]): boolean {
  return places.every(({ path, line }) =>
    ranges.some((range) => range.path === path && range.startLine <= line && line <= range.endLine),
  );
}

/** Lines around each place, as many as `tokens` allow in equal parts; passages that touch become one. */
export function passagesAround(
  files: readonly SourceFile[],
  places: readonly Place[],
  tokens: number,
  count: (text: string) => number,
): Passage[] {
  const ranges = places.map((place) => {
    const lines = files.find(({ path }) => path === place.path)?.text.split("\n") ?? [];
    return { path: place.path, lines, ...grow(lines, place.line, Math.floor(tokens / places.length), count) };
  });
  const joined: typeof ranges = [];
  for (const range of ranges.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.from - b.from))) {
    const last = joined.at(-1);
    if (last?.path === range.path && range.from <= last.to) last.to = Math.max(last.to, range.to);
    else joined.push({ ...range });
  }
  return joined.map(({ path, lines, from, to }) => ({ path, text: lines.slice(from, to).join("\n") }));
}

/** Lines [from, to) around a 1-based line, growing on both sides while they have at most `tokens` tokens. */
function grow(lines: readonly string[], line: number, tokens: number, count: (text: string) => number) {
  let [from, to] = [line - 1, line];
  for (;;) {
    const [wideFrom, wideTo] = [Math.max(0, from - STEP), Math.min(lines.length, to + STEP)];
    if (wideFrom === from && wideTo === to) return { from, to };
    if (count(lines.slice(wideFrom, wideTo).join("\n")) > tokens) return { from, to };
    [from, to] = [wideFrom, wideTo];
  }
}
