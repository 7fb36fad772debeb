/** Questions that people wrote, in `questions/HALF-CORPUS.json`; each says with a line of code where its answer lies. */
import { existsSync, readFileSync } from "node:fs";
import * as v from "valibot";
import type { LineRange } from "../../engine/protocol/requests.ts";
import type { CorpusName, Half } from "./corpus-recipes.ts";
import { SHOWN_LINES } from "./definitions.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { sourceFacts } from "./source-facts.ts";

const FOLDER = new URL("questions/", import.meta.url);
/** A definition's first line stands at most so far below its decorators. */
const DECORATOR_LINES = 8;
/** Lines that belong to an anchor which begins no function or class. */
const STATEMENT_LINES = 15;

const PLACE = v.object({ path: v.string(), anchor: v.string() });

const WRITTEN = v.array(
  v.object({
    ...PLACE.entries,
    kind: v.picklist(["concept", "other-language", "follow-up", "two-hop"]),
    question: v.string(),
    history: v.optional(v.array(v.object({ role: v.picklist(["user", "assistant"]), text: v.string() }))),
    symbol: v.string(),
    /** Where the second hop leads: there lies the answer. */
    second: v.optional(PLACE),
    answer: v.array(v.string()),
  }),
);

/**
 * The questions about one corpus, their places found in its files as they are now.
 * @throws Error where a file, or the anchor in it, is not there or not the only one
 */
export async function writtenQuestions(
  corpus: CorpusName,
  half: Half,
  files: ReadonlyMap<string, string>,
): Promise<EvalQuestion[]> {
  const file = new URL(`${half}-${corpus}.json`, FOLDER);
  if (!existsSync(file)) return [];
  const questions: EvalQuestion[] = [];
  for (const written of v.parse(WRITTEN, JSON.parse(readFileSync(file, "utf8")))) {
    const { kind, question, history } = written;
    const answers = written.answer.map((answer) => answer.trim());
    const golds = [await locate(written.second ?? written, files)];
    questions.push({ corpus, half, kind, question, golds, answers, ...(history === undefined ? {} : { history }) });
  }
  return questions;
}

/** The lines of what begins at an anchor: a function's or a class's first ones, otherwise a few lines. */
export async function locate(
  { path, anchor }: v.InferOutput<typeof PLACE>,
  files: ReadonlyMap<string, string>,
): Promise<LineRange> {
  const text = files.get(path) ?? "";
  const lines = text.split("\n");
  const line = lines.indexOf(anchor) + 1;
  if (line === 0) throw new Error(`${path} has no line "${anchor}".`);
  if (lines.includes(anchor, line)) throw new Error(`${path} has the line "${anchor}" more than once.`);
  const { functions, classes } = await sourceFacts(path, text);
  const begins = [...functions, ...classes]
    .map((definition) => definition.lines)
    .filter(({ first, last }) => first <= line && line <= Math.min(last, first + DECORATOR_LINES));
  const nearest = begins.toSorted((a, b) => b.first - a.first)[0];
  const last = nearest?.last ?? Math.min(lines.length, line + STATEMENT_LINES - 1);
  return { path, startLine: line, endLine: Math.min(last, line + SHOWN_LINES - 1) };
}
