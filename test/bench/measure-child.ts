/** Measuring programs run in processes of their own, so that neither engine's threads or memory disturb the other. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as v from "valibot";

/**
 * Runs a program of this folder and parses the last line that it prints.
 * @param environment added to this process's own @throws Error when it fails
 */
export function runChild<T>(
  program: string,
  args: readonly string[],
  result: v.GenericSchema<unknown, T>,
  environment: NodeJS.ProcessEnv = {},
): T {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [file, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${program} ended with code ${status}.`);
  return v.parse(result, JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Three significant digits: more would be noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** Milliseconds that some work takes, and its result. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}
