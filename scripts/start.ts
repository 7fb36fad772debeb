/**
 * `npm start [-- FOLDER] [--ask QUESTION] [--model FILE] [--read-for SECONDS]`: reads this repository (or FOLDER) into memory, answers
 * one question in the terminal, then opens the folder in VS Code, which reads what is left. With `--ask` it ends after the answer.
 */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openEditor } from "./open-editor.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** A first answer is not worth a longer wait; what was not read by then is read by VS Code, or by the next start. */
const READ_FOR = "180";
const usage = `Usage: npm start [-- FOLDER] [--ask "question"] [--model FILE] [--read-for SECONDS]
  npm start                                   read this repository, answer one question, open VS Code
  npm start -- ~/src/app                      the same for another folder
  npm start -- --ask "Where is the parser?"   end after the answer
  npm start -- --read-for 3600                read for an hour before the answer, not for ${READ_FOR} s at most`;

interface StartOptions {
  folder: string;
  question: string | undefined;
  model: string | undefined;
  readFor: string;
}

/** A relative folder or file is relative to where npm was called, which is not where it runs scripts. */
function fromCaller(path: string): string {
  return resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
}

function parseStart(): StartOptions {
  const { values, positionals } = parseArgs({
    options: {
      ask: { type: "string" },
      model: { type: "string" },
      "read-for": { type: "string", default: READ_FOR },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (values.help === true) stop(usage, 0);
  const [folder = root, extra] = positionals;
  if (extra !== undefined) stop(`Not expected: "${extra}". The question stands in quotes after --ask.\n${usage}`, 2);
  if (values.ask?.trim() === "") stop(`The question is empty.\n${usage}`, 2);
  const model = values.model && fromCaller(values.model);
  return { folder: fromCaller(folder), question: values.ask, model, readFor: values["read-for"] };
}

function stop(text: string, code: number): never {
  (code === 0 ? console.log : console.error)(text);
  process.exit(code);
}

function parseOrStop(): StartOptions {
  try {
    return parseStart();
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : String(error)}\n${usage}`, 2);
  }
}

const { folder, question, model, readFor } = parseOrStop();
if (!existsSync(folder) || !statSync(folder).isDirectory()) stop(`There is no folder ${folder}.`, 1);
const first = folder === resolve(root) ? "What is the value of BLOCK_TOKENS?" : "What is this project for?";
const asked = question ?? first;
console.error(`Question: ${asked}`);
const ask = [
  `${root}dist/cli.js`,
  "ask",
  folder,
  "--ingest",
  "--read-for",
  readFor,
  ...(model ? ["--model", model] : []),
  "--",
  asked,
];
// Ctrl-C reaches the command line itself, which ends cleanly; this process waits for it.
process.on("SIGINT", () => {});
const { status } = spawnSync(process.execPath, ask, { stdio: "inherit" });
if (status !== 0 || question !== undefined) process.exit(status ?? 1);
await openEditor(folder, model);
