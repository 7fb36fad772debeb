import { createInterface } from "node:readline/promises";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { ChatTurn } from "../protocol/requests.ts";
import { usageError } from "./arguments.ts";
import { answer, answerOptions, samplingFrom } from "./ask-command.ts";
import { type Command, type CommandCall, folderArgument, ingestIfNew } from "./command.ts";

/** Earlier turns that are sent along; what came before no longer fits a small model's window anyway. */
const KEPT_TURNS = 20;

export const chatCommand: Command = {
  name: "chat",
  usage: "DIR",
  summary: "Ask several questions in a row; earlier ones are remembered. An empty line or Ctrl-D ends it.",
  options: answerOptions,
  examples: [
    { line: "repo-memory chat .", does: "talk about the folder you are in" },
    { line: "repo-memory chat . < questions.txt", does: "one question a line" },
  ],
  run: runChat,
};

async function runChat(call: CommandCall): Promise<void> {
  const sampling = samplingFrom(call.args);
  call.args.expect(["DIR"]);
  if (call.terminal.json) throw usageError("chat has no --json.", "Use repo-memory ask DIR --batch FILE --json.");
  const folder = await folderArgument(call);
  await ingestIfNew(call, folder);
  const history: ChatTurn[] = [];
  for await (const question of questions(call)) {
    const result = await answer(call, {
      ...sampling,
      folder,
      question,
      history: history.slice(-KEPT_TURNS),
      // Files may have changed since the last question.
      compare: true,
    });
    history.push({ role: "user", text: question }, { role: "assistant", text: result.answer });
  }
}

/** Lines that the user types (or pipes in) until one is empty. */
async function* questions({ environment }: CommandCall): AsyncGenerator<string> {
  const { stdin, stderr, signal } = environment;
  const prompts = stdin.isTTY === true;
  // The prompt goes to standard error: standard output holds answers alone.
  const reader = createInterface({ input: stdin, output: stderr, terminal: prompts, prompt: "\n> " });
  // In a terminal, readline takes Ctrl-C for itself; it is handed on as the signal that it would have been.
  reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  signal.addEventListener("abort", () => reader.close());
  try {
    if (prompts) reader.prompt();
    for await (const line of reader) {
      if (line.trim() === "") return;
      yield line;
      if (prompts) reader.prompt();
    }
    if (signal.aborted) throw new RepoMemoryError("cancelled", { message: "Cancelled." });
  } finally {
    reader.close();
  }
}
