/** What evaluations of generated cases share: a folder is written and read, its cases are asked, shares are counted. */
import { join } from "node:path";
import type { BenchOptions } from "../bench/benchmark.ts";
import { type CountTokens, largeFolder, type SourceFile, takeTokens, writeFolder } from "../support/large-folder.ts";
import type { Corpus } from "./corpora.ts";
import {
  type Asking,
  caseFigures,
  type CaseFigures,
  type CaseOutcome,
  type EvalCase,
  measureCases,
} from "./eval-case.ts";
import { haystackTokens } from "./haystack.ts";
import { type EvalSession, openEval } from "./open-eval.ts";

/** A folder's files and what is asked of them. */
export interface GeneratedCases<T> {
  files: SourceFile[];
  cases: T[];
}

/** Makes cases; `haystack` fetches real sources of some size. */
export type MakeCases<T> = (
  haystack: (tokens: number) => Promise<SourceFile[]>,
  count: CountTokens,
) => Promise<GeneratedCases<T>>;

/** What all evaluations of this kind print. */
export interface CasesResult extends CaseFigures {
  /** In memory. */
  tokens: number;
  seed: number;
}

/** Shares over all cases, and each case with its outcome. */
export interface CasesRun<T> {
  result: CasesResult;
  outcomes: { asked: T; outcome: CaseOutcome }[];
}

/** Runs an evaluation; `--limit N` asks the first N cases. */
export async function runCases<T extends Pick<EvalCase, "question" | "gold">>(
  options: BenchOptions,
  { name, seed, make, ...asking }: { name: string; seed: number; make: MakeCases<T> } & Omit<Asking<T>, "tell">,
): Promise<CasesRun<T>> {
  const { dataDir, limit } = options;
  const session = await openEval(options);
  try {
    const count = (text: string) => session.loaded.encoder.tokenize(text).length;
    const haystack = async (standard: number) => (await largeFolder(dataDir, haystackTokens(standard), count)).files;
    const { files, cases } = await make(haystack, count);
    const { folder } = writeFolder(join(dataDir, "eval", "folders"), name, files);
    const { tell } = options;
    const asked = { folder, files, cases: cases.slice(0, limit) };
    const { outcomes, tokens } = await askFolder(session, asked, { ...asking, tell });
    return { result: { ...caseFigures(outcomes.map(({ outcome }) => outcome)), tokens, seed }, outcomes };
  } finally {
    await session.close();
  }
}

/** Reads a folder, which holds the files, and asks its cases. */
export async function askFolder<T extends Pick<EvalCase, "question" | "gold">>(
  session: EvalSession,
  { folder, files, cases }: GeneratedCases<T> & { folder: string },
  asking: Asking<T>,
): Promise<{ outcomes: CasesRun<T>["outcomes"]; tokens: number }> {
  const memory = await session.open(folder);
  try {
    const outcomes = await measureCases(session, memory, files, cases, asking);
    return { outcomes: cases.flatMap((each, i) => pair(each, outcomes[i])), tokens: memory.tokens };
  } finally {
    await memory.close();
  }
}

/** The corpus, or its first files of so many tokens in a folder of their own where REPO_MEMORY_EVAL_TOKENS asks for that. */
export function sizedCorpus(dataDir: string, corpus: Corpus, count: CountTokens): Corpus {
  const tokens = haystackTokens(undefined);
  if (tokens === undefined) return corpus;
  const texts = [...corpus.files].map(([path, text]) => ({ path, text }));
  const taken = takeTokens(texts, tokens, count);
  const files = new Map(taken.map(({ path, text }) => [path, text]));
  const { folder } = writeFolder(join(dataDir, "eval", "folders"), `${corpus.half}-${corpus.name}`, taken);
  const questions = corpus.questions.filter(({ golds }) => golds.every(({ path }) => files.has(path)));
  return { ...corpus, folder, files, questions };
}

function pair<T>(asked: T, outcome: CaseOutcome | undefined): { asked: T; outcome: CaseOutcome }[] {
  return outcome ? [{ asked, outcome }] : [];
}

/** The figures of the cases of one kind after the other. */
export function byKind<T extends { kind: string }>(outcomes: CasesRun<T>["outcomes"]): Record<string, CaseFigures> {
  const kinds = Map.groupBy(outcomes, ({ asked }) => asked.kind);
  return Object.fromEntries([...kinds].map(([kind, own]) => [kind, caseFigures(own.map(({ outcome }) => outcome))]));
}
