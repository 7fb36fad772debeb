/** Prefill and decode speed beside llama.cpp: same file, same threads, one after the other, medians of three rounds. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import type { BenchOptions } from "./benchmark.ts";
import { setUpLlamaCpp } from "./llama-cpp.ts";
import { PREFILL_TOKENS, type RoundTimes } from "./speed-run.ts";

const ROUNDS = 3;

const RoundTimesJson = v.object({ prefillMs: v.number(), decodeMs: v.array(v.number()) });

/** Tokens a second; `ratio` is ours over llama.cpp's. */
interface Comparison {
  ours: number;
  llamaCpp: number;
  ratio: number;
}

/** See the module; `prefill` reads 512 tokens from an empty context, `decode` generates at context lengths from 512 on. */
export async function run(
  options: BenchOptions,
): Promise<{ prefill: Comparison; decode: Comparison; threads: number }> {
  const { dataDir, modelPath, threads, tell } = options;
  const llamaCpp = setUpLlamaCpp(tell);
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    tell(`Round ${round + 1} of ${ROUNDS}`);
    return {
      ours: measure("measure-engine.ts", [dataDir, modelPath, String(threads)]),
      llamaCpp: measure("measure-llama-cpp.ts", [llamaCpp, modelPath, String(threads)]),
    };
  });
  const compare = (speed: (times: RoundTimes) => number): Comparison => {
    const ours = median(rounds.map((round) => speed(round.ours)));
    const theirs = median(rounds.map((round) => speed(round.llamaCpp)));
    return { ours: rounded(ours), llamaCpp: rounded(theirs), ratio: rounded(ours / theirs) };
  };
  return {
    prefill: compare(({ prefillMs }) => (1000 * PREFILL_TOKENS) / prefillMs),
    decode: compare(({ decodeMs }) => 1000 / median(decodeMs)),
    threads,
  };
}

/** Runs a measuring program in a process of its own, so that neither engine's threads or memory disturb the other. */
function measure(program: string, args: string[]): RoundTimes {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [file, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${program} ended with code ${status}.`);
  return v.parse(RoundTimesJson, JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Three significant digits: more would be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
