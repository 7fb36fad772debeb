import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext, EngineApi, EngineOptions } from "../protocol/requests.ts";
import type { Arguments, OptionSpec } from "./arguments.ts";
import type { ProgressBars } from "./progress-bars.ts";
import type { OutputStream, Terminal } from "./terminal.ts";

/** Opens an engine; `Engine.open`, or what a test puts in its place. */
export type OpenEngine = (options: EngineOptions, log: (line: string) => void) => Promise<EngineApi>;

/** What the command line touches of the world. */
export interface CliEnvironment {
  stdin: Readable & { isTTY?: boolean };
  stdout: OutputStream;
  stderr: OutputStream;
  env: NodeJS.ProcessEnv;
  /** Relative paths in arguments start here. */
  cwd: string;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  openEngine: OpenEngine;
}

/** One run of a command: its checked arguments and what it may use. */
export interface CommandCall {
  args: Arguments;
  terminal: Terminal;
  bars: ProgressBars;
  environment: CliEnvironment;
  context: CallContext;
  /** The engine, opened at the first call, so that wrong usage is told before a model is loaded. */
  engine(): Promise<EngineApi>;
}

/** A subcommand and its `--help`. */
export interface Command {
  name: string;
  /** The arguments in the usage line. */
  usage: string;
  summary: string;
  options: Record<string, OptionSpec>;
  /** Full command lines, each with a word on what it does. */
  examples: { line: string; does: string }[];
  /** What the engine is opened with, where that differs from what the shared options say. */
  engineOptions?(args: Arguments): Partial<EngineOptions>;
  /** Throws a `RepoMemoryError` for every failure. */
  run(call: CommandCall): Promise<void>;
}

/**
 * The first positional as an absolute folder.
 * @throws RepoMemoryError "folder-not-found"
 */
export function folderArgument(call: CommandCall): Promise<string> {
  return existingFolder(call, call.args.positional(0));
}

/**
 * A path as an absolute folder.
 * @throws RepoMemoryError "folder-not-found"
 */
export async function existingFolder({ environment }: CommandCall, path: string): Promise<string> {
  const folder = resolve(environment.cwd, path);
  const stats = await stat(folder).catch(() => undefined);
  if (stats?.isDirectory()) return folder;
  throw new RepoMemoryError("folder-not-found", {
    message: stats === undefined ? `There is no folder ${folder}.` : `${folder} is not a folder.`,
    remedy: "Name the folder whose files should be read.",
  });
}

/**
 * Reads the folder into memory if none of it is there; true when it did.
 * @param seconds that are waited for at most
 */
export async function ingestIfNew(call: CommandCall, folder: string, seconds?: number): Promise<boolean> {
  const { state } = await (await call.engine()).status(folder);
  if (state === "ready") return false;
  call.terminal.note(`Reading ${folder} into memory first.`);
  await ingestFor(call, folder, seconds);
  return true;
}

/**
 * Reads what is new in the folder.
 * @param seconds of reading, after which it goes on without being waited for; getting the model ready takes none of them
 */
export async function ingestFor(call: CommandCall, folder: string, seconds?: number): Promise<void> {
  const engine = await call.engine();
  const over = Promise.withResolvers<false>();
  let timer: NodeJS.Timeout | undefined;
  let isWaited = true;
  const onProgress: typeof call.context.onProgress = (progress) => {
    if (!isWaited) return;
    if (seconds !== undefined && progress.phase === "ingest")
      timer ??= setTimeout(() => over.resolve(false), seconds * 1000);
    call.context.onProgress(progress);
  };
  const reading = engine.ingest({ folder }, { signal: call.context.signal, onProgress }).then(() => true);
  try {
    if (await Promise.race([reading, over.promise])) return;
    call.terminal.note(`Read for ${seconds} s; the rest is read when the folder is read again.`);
    // It goes on beside the answer, whose end cancels it.
    reading.catch((error: unknown) => {
      const { code, message } = RepoMemoryError.from(error);
      if (code !== "cancelled") call.terminal.note(message);
    });
  } finally {
    isWaited = false;
    clearTimeout(timer);
    call.bars.end();
  }
}
