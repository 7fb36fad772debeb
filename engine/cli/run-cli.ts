import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defaultDataDir } from "../data-dir.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { DeviceChoice } from "../protocol/device.ts";
import type { CallContext, EngineApi, EngineOptions, Priority } from "../protocol/requests.ts";
import { Arguments, given, usageError } from "./arguments.ts";
import { askCommand } from "./ask-command.ts";
import { BatchFailure } from "./batch.ts";
import { chatCommand } from "./chat-command.ts";
import type { CliEnvironment, Command } from "./command.ts";
import { commandHelp, overview, sharedOptions } from "./help.ts";
import { ingestCommand } from "./ingest-command.ts";
import { mcpCommand } from "./mcp/mcp-command.ts";
import { forgetCommand, modelsCommand, statusCommand } from "./memory-commands.ts";
import { ProgressBars } from "./progress-bars.ts";
import { recallCommand } from "./recall-command.ts";
import { Terminal } from "./terminal.ts";
import { trainCommand } from "./train-command.ts";

const commands: readonly Command[] = [
  ingestCommand,
  askCommand,
  recallCommand,
  chatCommand,
  statusCommand,
  forgetCommand,
  modelsCommand,
  trainCommand,
  mcpCommand,
];

const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Runs one command line, without the program's name.
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Never throws; failures are told on standard error.
 */
export async function runCli(args: readonly string[], environment: CliEnvironment): Promise<number> {
  const terminal = new Terminal(environment.stdout, environment.stderr, args.includes("--json"));
  try {
    await dispatch(args, environment, terminal);
    return EXIT.done;
  } catch (thrown) {
    return tellFailure(RepoMemoryError.from(thrown), terminal, environment);
  }
}

function tellFailure(error: RepoMemoryError, terminal: Terminal, { signal, env, stderr }: CliEnvironment): number {
  if (signal.aborted || error.code === "cancelled") return EXIT.interrupted;
  const quiet = error instanceof BatchFailure;
  (quiet ? new Terminal(stderr, stderr, false) : terminal).error(error);
  if (env["REPO_MEMORY_DEBUG"] !== undefined) stderr.write(`${String(error.stack)}\n${String(error.cause)}\n`);
  return error.code === "usage" ? EXIT.usage : EXIT.failed;
}

async function dispatch(args: readonly string[], environment: CliEnvironment, terminal: Terminal): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined) throw usageError("Which command?");
  if (name === "--version") return void environment.stdout.write(`${version()}\n`);
  if (name === "--help" || name === "-h" || name === "help") {
    return void environment.stdout.write(overview(commands));
  }
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw usageError(`There is no command "${name}".`);
  const parsed = Arguments.parse(rest, { ...command.options, ...sharedOptions }, command.name);
  if (parsed.flag("help")) return void environment.stdout.write(commandHelp(command));
  await runCommand(command, parsed, environment, terminal);
}

async function runCommand(
  command: Command,
  args: Arguments,
  environment: CliEnvironment,
  terminal: Terminal,
): Promise<void> {
  const options = { ...engineOptions(args, environment), ...command.engineOptions?.(args) };
  const bars = new ProgressBars(environment.stderr);
  const context: CallContext = { signal: environment.signal, onProgress: (progress) => bars.update(progress) };
  let opened: Promise<EngineApi> | undefined;
  const log = (line: string): void => {
    bars.end();
    terminal.note(line);
  };
  const engine = (): Promise<EngineApi> => (opened ??= environment.openEngine(options, log));
  try {
    await command.run({ args, terminal, bars, environment, context, engine });
  } finally {
    bars.end();
    // An engine that did not open has nothing to close, and why is told already.
    const open = await opened?.catch(() => undefined);
    await open?.close();
  }
}

function engineOptions(args: Arguments, { env, cwd }: CliEnvironment): EngineOptions {
  const data = args.text("data");
  const model = args.text("model") ?? (env["REPO_MEMORY_MODEL"] || undefined);
  return {
    dataDir: data === undefined ? defaultDataDir(env) : resolve(cwd, data),
    ...given({
      model: model === undefined ? undefined : modelName(cwd, model),
      threads: args.number("threads", { min: 1, max: 1024 }),
      diskBudgetBytes: budgetFrom(args),
      device: deviceFrom(args),
      priority: priorityFrom(args),
      maxFileBytes: maxFileBytesFrom(args),
      secretPatterns: linesOf(env["REPO_MEMORY_SECRET_PATTERNS"]),
    }),
  };
}

function budgetFrom(args: Arguments): number | undefined {
  const gigabytes = args.number("disk-budget", { min: 0.001, max: 1_000_000, integer: false });
  return gigabytes === undefined ? undefined : Math.round(gigabytes * 1e9);
}

function maxFileBytesFrom(args: Arguments): number | undefined {
  const kibibytes = args.number("max-file-kib", { min: 1, max: 65_536 });
  return kibibytes === undefined ? undefined : kibibytes * 1024;
}

/** The lines that say something; undefined where there is none. */
function linesOf(text = ""): string[] | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.length === 0 ? undefined : lines;
}

function deviceFrom(args: Arguments): DeviceChoice | undefined {
  const device = args.text("device");
  if (device === undefined || device === "auto" || device === "cpu" || device === "webgpu") return device;
  throw usageError(`--device takes auto, cpu or webgpu, not "${device}".`);
}

function priorityFrom(args: Arguments): Priority | undefined {
  const priority = args.text("priority");
  if (priority === undefined || priority === "low" || priority === "normal") return priority;
  throw usageError(`--priority takes low or normal, not "${priority}".`);
}

/** A file or folder as an absolute path; any other name is left to the engine, which knows the catalogue. */
function modelName(cwd: string, model: string): string {
  const path = resolve(cwd, model);
  return existsSync(path) ? path : model;
}

function version(): string {
  // Put in by the build; a run from the sources has none.
  return process.env["REPO_MEMORY_VERSION"] ?? "0.0.0-source";
}
