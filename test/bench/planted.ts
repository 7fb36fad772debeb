/**
 * Twenty constants planted in twenty files of a real package: does recall find each one's block, and does an answer name its
 * value? Beside it the same model with the right file given as plain text. `--limit N` asks only about the first N.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { askText } from "../eval/ask-text.ts";
import { names, passagesAround } from "../eval/eval-case.ts";
import { type EvalSession, type EvalWorkspace, openEval } from "../eval/open-eval.ts";
import type { BenchOptions } from "./benchmark.ts";
import { plantedCorpus, type PlantedConstant } from "./planted-corpus.ts";

/** Blocks among which the right one has to be. */
const TOP = 8;
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
  const { dataDir, tell, limit = Infinity } = options;
  const { folder, constants } = plantedCorpus(join(dataDir, "bench"));
  const session = await openEval(options);
  const memory = await session.open(folder);
  const outcomes: Outcome[] = [];
  for (const constant of constants.slice(0, limit)) {
    const outcome = await ask(session, memory, constant);
    tell(JSON.stringify(outcome));
    outcomes.push(outcome);
  }
  await memory.close();
  await session.close();
  const isRight = (answer: string, { value }: Outcome): boolean => names(answer, { answers: [String(value)] });
  return {
    recallAt8: outcomes.filter(({ rank }) => rank > 0).length,
    answered: outcomes.filter((outcome) => isRight(outcome.answer, outcome)).length,
    answeredWithFileAsText: outcomes.filter((outcome) => isRight(outcome.answerWithFileAsText, outcome)).length,
    questions: outcomes.length,
    tokens: memory.tokens,
    wrong: outcomes.filter((outcome) => !isRight(outcome.answer, outcome)),
  };
}

async function ask(session: EvalSession, memory: EvalWorkspace, constant: PlantedConstant): Promise<Outcome> {
  const { question, path, line } = constant;
  const blocks = await memory.recall(question, TOP);
  const file = { path, text: readFileSync(join(memory.folder, path), "utf8"), tokens: 0 };
  const count = (text: string): number => session.loaded.encoder.tokenize(text).length;
  const passages = passagesAround([file], [{ path, line }], FILE_TOKENS, count);
  return {
    ...constant,
    rank: blocks.findIndex((block) => block.path === path && block.startLine <= line && line <= block.endLine) + 1,
    answer: await memory.ask(question),
    answerWithFileAsText: await askText(session, question, passages),
  };
}
