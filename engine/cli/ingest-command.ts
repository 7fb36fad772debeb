import type { IngestResult } from "../protocol/requests.ts";
import { type Command, type CommandCall, folderArgument } from "./command.ts";
import { count, counted, duration } from "./figures.ts";
import type { Terminal } from "./terminal.ts";

/** So many skipped files are listed for people; `--json` lists them all. */
const LISTED_SKIPS = 10;

export const ingestCommand: Command = {
  name: "ingest",
  usage: "DIR",
  summary: "Read a folder's text files into memory; unchanged files cost nothing.",
  options: {},
  examples: [
    { line: "repo-memory ingest .", does: "read the folder you are in" },
    { line: "repo-memory ingest ~/src/app --json", does: "the figures and every skipped file as JSON" },
    { line: "repo-memory ingest . --model ~/models/coder.gguf", does: "with a model file of your own" },
  ],
  run: runIngest,
};

async function runIngest(call: CommandCall): Promise<void> {
  call.args.expect(["DIR"]);
  const folder = await folderArgument(call);
  const engine = await call.engine();
  const result = await engine.ingest({ folder }, call.context);
  call.bars.end();
  if (call.terminal.json) call.terminal.object(result);
  else report(call.terminal, result);
}

function report(terminal: Terminal, result: IngestResult): void {
  const { files, blocks, tokens, encodedTokens, skipped, seconds } = result;
  terminal.line(`${counted(files, "file")}, ${counted(blocks, "block")}, ${counted(tokens, "token")} in memory.`);
  const work = encodedTokens === 0 ? "Nothing had changed" : `${counted(encodedTokens, "token")} read`;
  terminal.line(`${work} in ${duration(seconds)}.`);
  if (skipped.length === 0) return;
  terminal.line(`${counted(skipped.length, "file")} skipped:`);
  for (const { path, reason } of skipped.slice(0, LISTED_SKIPS)) terminal.line(`  ${path}  (${reason})`);
  const more = skipped.length - LISTED_SKIPS;
  if (more > 0) terminal.line(`  … and ${count(more)} more (--json lists all)`);
}
