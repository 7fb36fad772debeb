import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import * as v from "valibot";
import { RepoMemoryError } from "../protocol/errors.ts";
import { usageError } from "./arguments.ts";
import type { CliEnvironment, CommandCall } from "./command.ts";

/** A file of questions is held in memory; hundreds of thousands of questions fit into this. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;

const BatchLine = v.object({
  id: v.union([v.string(), v.number()]),
  question: v.pipe(v.string(), v.trim(), v.minLength(1, "is empty"), v.maxLength(65_536)),
});

/** One line of a batch file. */
export type BatchQuestion = v.InferOutput<typeof BatchLine>;

/**
 * All questions of a JSON-lines file, or of standard input for "-"; empty lines are passed over.
 * @throws RepoMemoryError "usage" that names the first bad line, before anything is answered.
 */
export async function batchQuestions(file: string, environment: CliEnvironment): Promise<BatchQuestion[]> {
  const content = file === "-" ? await readAll(environment.stdin) : await readBatch(resolve(environment.cwd, file));
  return content
    .split("\n")
    .map((line, index) => ({ line, where: `${file}, line ${index + 1}` }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, where }) => parseLine(line, where));
}

async function readBatch(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isFile()) throw usageError(`There is no file ${path}.`);
  if (stats.size > MAX_BATCH_BYTES) throw usageError(`${path} is larger than ${MAX_BATCH_BYTES} bytes.`, "Split it.");
  return readFile(path, "utf8");
}

function parseLine(line: string, where: string): BatchQuestion {
  const remedy = 'Each line is an object like {"id": "q1", "question": "Where is the parser?"}.';
  const result = v.safeParse(BatchLine, parseJson(line, where, remedy));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw usageError(`${where}: ${v.getDotPath(issue) ?? "the line"}: ${issue.message}`, remedy);
}

function parseJson(line: string, where: string, remedy: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw usageError(`${where} is not JSON.`, remedy);
  }
}

/**
 * Answers one question after the other, a JSON line each: `{id, …result}`, or `{id, error}` where one failed.
 * @throws RepoMemoryError when cancelled, or after the last line when any question failed
 */
export async function answerBatch(
  { terminal }: CommandCall,
  questions: readonly BatchQuestion[],
  answerOne: (question: string) => Promise<object>,
): Promise<void> {
  const failures: RepoMemoryError[] = [];
  for (const { id, question } of questions) {
    try {
      terminal.object({ id, ...(await answerOne(question)) });
    } catch (thrown) {
      const error = RepoMemoryError.from(thrown);
      if (error.code === "cancelled") throw error;
      failures.push(error);
      terminal.object({ id, error: error.toPlain() });
    }
  }
  const [first] = failures;
  if (first) throw new BatchFailure(failures.length, questions.length, first);
}

/** Some questions of a batch failed; each has told why on its own line, so this adds nothing to standard output. */
export class BatchFailure extends RepoMemoryError {
  constructor(failed: number, all: number, first: RepoMemoryError) {
    super(first.code === "usage" ? "internal" : first.code, {
      message: `${failed} of ${all} questions failed. The first: ${first.message}`,
      meaning: first.meaning,
      remedy: first.remedy,
      cause: first,
    });
  }
}
