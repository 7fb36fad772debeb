import type { RecallResult } from "../protocol/requests.ts";
import { noteCoverage } from "./ask-command.ts";
import { answerBatch, batchQuestions } from "./batch.ts";
import { type Command, type CommandCall, folderArgument, ingestIfNew } from "./command.ts";
import { rangeList } from "./figures.ts";

/** What `RecallParams.top` is when the user names none. */
const DEFAULT_TOP = 8;

export const recallCommand: Command = {
  name: "recall",
  usage: 'DIR "question" | DIR --batch FILE.jsonl',
  summary: "Show the blocks that a question would bring to mind, best first; nothing is generated.",
  options: {
    top: { type: "string", value: "K", help: `How many blocks at most (${DEFAULT_TOP})` },
    batch: { type: "string", value: "FILE", help: 'Look up lines of {"id", "question"}; "-" is standard input' },
  },
  examples: [
    { line: 'repo-memory recall . "Where are retries counted?"', does: "the best eight places" },
    { line: 'repo-memory recall . "database migrations" --top 20 --json', does: "the best twenty, as JSON" },
    { line: "repo-memory recall . --batch questions.jsonl --json", does: "many questions, the model loaded once" },
  ],
  run: runRecall,
};

async function runRecall(call: CommandCall): Promise<void> {
  const { args, terminal } = call;
  const top = args.number("top", { min: 1, max: 10_000 }) ?? DEFAULT_TOP;
  const batch = args.text("batch");
  args.expect(batch === undefined ? ["DIR", "question"] : ["DIR"]);
  const question = batch === undefined ? args.positional(1) : "";
  const folder = await folderArgument(call);
  const questions = batch === undefined ? undefined : await batchQuestions(batch, call.environment);
  await ingestIfNew(call, folder);
  const engine = await call.engine();
  const recall = (text: string): Promise<RecallResult> => engine.recall({ folder, question: text, top }, call.context);
  if (questions !== undefined) return answerBatch(call, questions, recall);
  const result = await recall(question);
  call.bars.end();
  noteCoverage(call, result.coverage);
  if (terminal.json) terminal.object(result);
  else terminal.line(result.blocks.length === 0 ? "Nothing was found." : rangeList(result.blocks));
}
