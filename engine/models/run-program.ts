import { spawn } from "node:child_process";
import { RepoMemoryError } from "../protocol/errors.ts";

/** The end of what a program printed; more is not needed to say why it failed. */
const OUTPUT_CHARS = 1 << 16;

/** What a program left. */
export interface ProgramResult {
  /** Exit code; undefined when there is no such program, null when a signal ended it. */
  code: number | null | undefined;
  /** The end of standard output and standard error. */
  output: string;
}

/**
 * Runs a program, without a shell, until it ends.
 * @throws RepoMemoryError `cancelled` when `signal` ended it.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-OUTPUT_CHARS);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (options.signal.aborted) reject(new RepoMemoryError("cancelled", { message: "Cancelled.", cause: error }));
      else resolve({ code: undefined, output: error.message });
    });
    child.on("close", (code) => resolve({ code, output }));
  });
}
