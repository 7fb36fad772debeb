/**
 * Twenty constants planted in twenty files of a real package: does recall find each one's block, and does an answer name its
 * value? Beside it the same model with the right file given as plain text. `--limit N` asks only about the first N.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { answer } from "../../engine/answer/answer.ts";
import { QuestionGate } from "../../engine/answer/question-gate.ts";
import { type LoadedModel, loadModel } from "../../engine/loaded-model.ts";
import type { AnswerEvent, CallContext, RecallResult } from "../../engine/protocol/requests.ts";
import { Workspace } from "../../engine/workspace.ts";
import { lastAnswer, tellingContext } from "../support/asking.ts";
import type { BenchOptions } from "./benchmark.ts";
import { plantedCorpus, type PlantedConstant } from "./planted-corpus.ts";

/** Blocks among which the right one has to be. */
const TOP = 8;
/** Longest answer, in tokens: the value comes in the first sentence or not at all. */
const ANSWER_TOKENS = 64;
/** Tokens of the right file, around the constant, in the comparison with plain text. */
const FILE_TOKENS = 2048;

/** What became of one question. */
interface Outcome {
  question: string;
  value: number;
  path: string;
  line: number;
  /** Place of the right block, from 1; 0 when it is not among the first `TOP`. */
  rank: number;
  answer: string;
  answerWithFileAsText: string;
}

/** Counts of `questions`; `wrong` lists what was not answered from memory. */
interface PlantedResult {
  recallAt8: number;
  answered: number;
  answeredWithFileAsText: number;
  questions: number;
  tokens: number;
  wrong: Outcome[];
}

/** See the module. Answers are greedy; a value counts when it stands in the answer as a word of its own. */
export async function run(options: BenchOptions): Promise<PlantedResult> {
  const { dataDir, modelPath, threads, tell, limit = Infinity } = options;
  const context = tellingContext(tell);
  const { folder, constants } = plantedCorpus(join(dataDir, "bench"));
  const loaded = await loadModel({ dataDir, model: modelPath }, threads, context);
  const questions = new QuestionGate();
  const workspace = await Workspace.open({ folder, loaded, options: { dataDir }, threads, log: tell, questions });
  const { tokens } = await workspace.ingest(context);
  const outcomes: Outcome[] = [];
  for (const constant of constants.slice(0, limit)) {
    const outcome = await ask(workspace, loaded, folder, constant, context);
    tell(JSON.stringify(outcome));
    outcomes.push(outcome);
  }
  await workspace.close();
  await loaded.model.close();
  return {
    recallAt8: outcomes.filter(({ rank }) => rank > 0).length,
    answered: outcomes.filter((outcome) => names(outcome.answer, outcome.value)).length,
    answeredWithFileAsText: outcomes.filter((outcome) => names(outcome.answerWithFileAsText, outcome.value)).length,
    questions: outcomes.length,
    tokens,
    wrong: outcomes.filter((outcome) => !names(outcome.answer, outcome.value)),
  };
}

async function ask(
  workspace: Workspace,
  loaded: LoadedModel,
  folder: string,
  constant: PlantedConstant,
  context: CallContext,
): Promise<Outcome> {
  const { question } = constant;
  const recalled = await workspace.recall({ folder, question, top: TOP }, context);
  return {
    ...constant,
    rank: rankOf(recalled, constant),
    answer: await lastAnswer(workspace.ask({ folder, question, maxTokens: ANSWER_TOKENS }, context)),
    answerWithFileAsText: await lastAnswer(askWithFile(loaded, folder, constant, context.signal)),
  };
}

function rankOf({ blocks }: RecallResult, { path, line }: PlantedConstant): number {
  return blocks.findIndex((block) => block.path === path && block.startLine <= line && line <= block.endLine) + 1;
}

/** The same prompt, its memory the right file read as text. */
async function* askWithFile(
  { model, prompt, encoder }: LoadedModel,
  folder: string,
  { question, path, line }: PlantedConstant,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const header = encoder.header(path);
  const text = textAround(readFileSync(join(folder, path), "utf8"), line, (part) => encoder.tokenize(part).length);
  const window = encoder.prefix.copy(encoder.prefix.length + header.length + FILE_TOKENS);
  const from = window.length + header.length;
  await model.read(window, Int32Array.from([...header, ...encoder.tokenize(text)]), window.length, signal);
  const block = { id: 0, path, startLine: line, endLine: line, tokens: window.length - from, header: 0, segment: 0 };
  const filled = { window, slots: [{ block, from, to: window.length }], chosen: [], lookupMs: 0 };
  yield* answer(model, prompt, { folder, question, maxTokens: ANSWER_TOKENS }, 0, filled, signal);
}

/** As many lines around `line` as `FILE_TOKENS` allow, growing on both sides. */
function textAround(text: string, line: number, count: (part: string) => number): string {
  const lines = text.split("\n");
  let [from, to] = [line - 1, line];
  for (;;) {
    const wider = [Math.max(0, from - 8), Math.min(lines.length, to + 8)] as const;
    if (count(lines.slice(...wider).join("\n")) > FILE_TOKENS || (wider[0] === from && wider[1] === to)) break;
    [from, to] = wider;
  }
  return lines.slice(from, to).join("\n");
}

/** Whether a number stands in a text by itself, not inside a longer one. */
function names(text: string, value: number): boolean {
  return new RegExp(`(?<![\\w.])${value}(?!\\w|\\.\\d)`).test(text);
}
