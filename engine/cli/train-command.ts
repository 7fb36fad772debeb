import type { TrainResult } from "../protocol/requests.ts";
import { type Command, type CommandCall, existingFolder } from "./command.ts";
import { count, counted, duration } from "./figures.ts";

export const trainCommand: Command = {
  name: "train",
  usage: "DIR [DIR…]",
  summary:
    "Teach the look-up to find code by descriptions of it, for the model in use, from the comments in folders and in the packages that they depend on. Takes minutes to an hour; stopped, it goes on where it was.",
  options: {},
  examples: [
    { line: "repo-memory train .", does: "learn from the folder you are in and its dependencies" },
    { line: "repo-memory train ~/src/app ~/src/lib --model ~/models/coder.gguf", does: "for a model file of your own" },
  ],
  run: runTrain,
};

async function runTrain(call: CommandCall): Promise<void> {
  call.args.expect(["DIR", ...call.args.positionals.slice(1)], 1);
  const folders: string[] = [];
  for (const path of call.args.positionals) folders.push(await existingFolder(call, path));
  const result = await (await call.engine()).train({ folders }, call.context);
  call.bars.end();
  if (call.terminal.json) call.terminal.object(result);
  else for (const line of report(result)) call.terminal.line(line);
}

function report({ pairs, seconds, questions, blocks, trained, before, used }: TrainResult): string[] {
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  return [
    `Learnt from ${counted(pairs, "question")} in ${duration(seconds)}.`,
    `Of ${counted(questions, "other question")} the right one of ${count(blocks)} blocks is among the first 8 for ` +
      `${percent(trained.at8)}; before, for ${percent(before.at8)}.`,
    used
      ? "From the next start on, the memory is searched with what was learnt; its index is then made anew."
      : "That is no clear gain, so the look-up stays as it is.",
  ];
}
