import { RepoMemoryError } from "../protocol/errors.ts";
import type { AskParams, AskResult, Coverage, SamplingOptions, Strategy } from "../protocol/requests.ts";
import { type Arguments, given, type OptionSpec, usageError } from "./arguments.ts";
import { answerBatch, batchQuestions } from "./batch.ts";
import { type Command, type CommandCall, folderArgument, ingestFor, ingestIfNew } from "./command.ts";
import { count, duration, lines, readSoFar } from "./figures.ts";
import type { Terminal } from "./terminal.ts";

/** How an answer is generated; `ask` and `chat` share these. */
export const answerOptions: Record<string, OptionSpec> = {
  "max-tokens": { type: "string", value: "N", help: "Longest answer, in tokens" },
  temperature: { type: "string", value: "T", help: "0 (the default) takes the likeliest token each time" },
  "top-k": { type: "string", value: "K", help: "Choose among the K likeliest tokens" },
  "top-p": { type: "string", value: "P", help: "Choose among the likeliest tokens that make up this share" },
  "min-p": { type: "string", value: "P", help: "Leave out tokens below this share of the likeliest one" },
  "repetition-penalty": { type: "string", value: "R", help: "Above 1: tokens already there become less likely" },
  seed: { type: "string", value: "S", help: "Same seed, same answer" },
  "look-again": { type: "string", value: "N", help: "Look up again after every N tokens of the answer" },
  reread: { type: "boolean", help: "Read the best blocks again as text: slower, for answers that copy code" },
  strategy: {
    type: "string",
    value: "NAME",
    help: 'How memory enters the model: "infllm" (the default), "infini", "longmem" or, to compare with, "infllm-published"',
  },
};

export const askCommand: Command = {
  name: "ask",
  usage: 'DIR "question" | DIR --batch FILE.jsonl',
  summary: "Answer a question from the memory of a folder, with the places it was taken from.",
  options: {
    ...answerOptions,
    ingest: { type: "boolean", help: "Read all that is new first, however much it is" },
    "read-for": {
      type: "string",
      value: "S",
      help: "Read what is new for S seconds at most, then answer from what is there",
    },
    batch: { type: "string", value: "FILE", help: 'Answer lines of {"id", "question"}; "-" is standard input' },
  },
  examples: [
    { line: 'repo-memory ask . "What is the value of BLOCK_TOKENS?"', does: "stream the answer, then its sources" },
    { line: 'repo-memory ask . "How are errors reported?" --json', does: "one JSON object with citations and timing" },
    { line: "repo-memory ask . --batch questions.jsonl --json", does: "many questions, the model loaded once" },
    {
      line: 'repo-memory ask . "Name a test" --temperature 0.7 --seed 1',
      does: "a varied answer that can be repeated",
    },
  ],
  run: runAsk,
};

type AnswerOptions = SamplingOptions & Pick<AskParams, "maxTokens" | "reread" | "lookAgain" | "strategy">;

/** @throws RepoMemoryError "usage" for a value out of range, or a strategy that there is not */
export function samplingFrom(args: Arguments): AnswerOptions {
  return given({
    strategy: strategyFrom(args),
    reread: args.flag("reread") ? true : undefined,
    lookAgain: args.number("look-again", { min: 1, max: 65_536 }),
    maxTokens: args.number("max-tokens", { min: 1, max: 65_536 }),
    temperature: args.number("temperature", { min: 0, max: 10, integer: false }),
    topK: args.number("top-k", { min: 1, max: 1_000_000 }),
    topP: args.number("top-p", { min: 0, max: 1, integer: false }),
    minP: args.number("min-p", { min: 0, max: 1, integer: false }),
    repetitionPenalty: args.number("repetition-penalty", { min: 0.01, max: 100, integer: false }),
    seed: args.number("seed", { min: 0, max: Number.MAX_SAFE_INTEGER }),
  });
}

const STRATEGIES: readonly Strategy[] = ["infllm", "infini", "longmem", "infllm-published"];

function strategyFrom(args: Arguments): Strategy | undefined {
  const name = args.text("strategy");
  const strategy = STRATEGIES.find((known) => known === name);
  if (name === undefined || strategy) return strategy;
  throw usageError(`--strategy takes ${STRATEGIES.map((known) => `"${known}"`).join(", ")}, not "${name}".`);
}

async function runAsk(call: CommandCall): Promise<void> {
  const sampling = samplingFrom(call.args);
  const batch = call.args.text("batch");
  call.args.expect(batch === undefined ? ["DIR", "question"] : ["DIR"]);
  const question = batch === undefined ? call.args.positional(1) : "";
  const folder = await folderArgument(call);
  const questions = batch === undefined ? undefined : await batchQuestions(batch, call.environment);
  await prepare(call, folder);
  if (questions === undefined) await answer(call, { ...sampling, folder, question });
  else await answerBatch(call, questions, (text) => collect(call, { ...sampling, folder, question: text }));
}

/** Reads the folder first where it was never read, or where the user wants it read, to the end or for a while. */
async function prepare(call: CommandCall, folder: string): Promise<void> {
  const seconds = call.args.number("read-for", { min: 1, max: 86_400 });
  const done = await ingestIfNew(call, folder, seconds);
  if (!done && (call.args.flag("ingest") || seconds !== undefined)) await ingestFor(call, folder, seconds);
}

/** Asks without showing anything. */
async function collect(call: CommandCall, params: AskParams): Promise<AskResult> {
  return followAnswer(call, params, () => {});
}

/** Asks, streams the answer to people, and gives the whole of it. */
export async function answer(call: CommandCall, params: AskParams): Promise<AskResult> {
  const { terminal } = call;
  const result = await followAnswer(call, params, (text) => terminal.write(text));
  if (terminal.json) terminal.object(result);
  else showSources(terminal, result);
  return result;
}

/** Says what share of the folder an answer can be taken from, where that is not all of it. */
export function noteCoverage({ terminal }: CommandCall, coverage: Coverage | undefined): void {
  const share = readSoFar(coverage);
  if (share !== undefined) terminal.note(share);
}

async function followAnswer(call: CommandCall, params: AskParams, onText: (text: string) => void): Promise<AskResult> {
  const engine = await call.engine();
  for await (const event of engine.ask(params, call.context)) {
    call.bars.end();
    if (event.type === "lookup") noteCoverage(call, event.coverage);
    if (event.type === "token") onText(event.text);
    if (event.type !== "end") continue;
    if (event.result.finish === "cancelled") throw new RepoMemoryError("cancelled", { message: "Cancelled." });
    return event.result;
  }
  throw new RepoMemoryError("internal", { message: "The answer broke off without an end.", remedy: "Ask again." });
}

function showSources(terminal: Terminal, { citations, tokens, timing, finish }: AskResult): void {
  terminal.line("\n");
  if (citations.length > 0) terminal.line("Sources");
  for (const citation of citations) {
    terminal.line(`  ${lines(citation)}  (${Math.round(100 * citation.score)} % of the attention)`);
  }
  if (finish === "length") terminal.note("The answer was cut at its longest length (--max-tokens).");
  terminal.note(
    `${count(tokens.memory)} tokens from memory, ${count(tokens.prompt)} of prompt, ${count(tokens.generated)} generated; ` +
      `first word after ${duration(timing.firstTokenMs / 1000)}, ${duration(timing.totalMs / 1000)} in all.`,
  );
}
