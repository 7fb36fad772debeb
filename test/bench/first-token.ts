/**
 * Time to the first token with a million tokens in memory and 1,024 of them in the window, beside llama.cpp reading the same
 * blocks as text: same file, same threads, side by side in each round, medians over questions and three rounds. `fastest`
 * compares with the quickest of llama.cpp's own types of the model. REPO_MEMORY_EVAL_TOKENS sets another size.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { haystackTokens } from "../eval/haystack.ts";
import type { BenchOptions } from "./benchmark.ts";
import { setUpLlamaCpp } from "./llama-cpp.ts";
import { median, rounded, runChild } from "./measure-child.ts";
import { haystackFolder, MemoryTimes } from "./measure-memory-run.ts";
import { quantizedCopy, QUICK_TYPES } from "./speed-quantize.ts";

const ROUNDS = 3;

/** Milliseconds, but for counts, ratios and shares. */
interface FirstTokenResult {
  tokensInMemory: number;
  tokensInWindow: number;
  ours: number;
  /** llama.cpp over the same blocks as text, same file. */
  reread: number;
  ratio: number;
  /** Of our time, what finding the blocks takes. */
  lookupShare: number;
  /** The parts of our time: finding blocks, placing them, reading the question behind them. */
  parts: { lookup: number; fill: number; read: number };
  fastest: { reread: number; ratio: number; type: string };
  load: number;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<FirstTokenResult> {
  const { dataDir, modelPath, threads, tell } = options;
  const packageUrl = setUpLlamaCpp(tell);
  const folder = await haystackFolder(options, haystackTokens(1_000_000));
  const models: Record<string, string> = { own: modelPath };
  for (const type of QUICK_TYPES) models[type] = await quantizedCopy(modelPath, join(dataDir, "bench"), type);
  const ours: MemoryTimes[] = [];
  const rereads: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    tell(`Round ${round + 1} of ${ROUNDS}`);
    const memory = runChild("measure-memory.ts", [dataDir, modelPath, String(threads), folder], MemoryTimes);
    ours.push(memory);
    const prompts = memory.asked.map(({ reread }) => reread);
    for (const [type, path] of Object.entries(models)) {
      // The first one warms up, on both sides.
      const times = readAgain([packageUrl, path, String(threads)], prompts).slice(1);
      rereads[type] = [...(rereads[type] ?? []), ...times];
    }
  }
  return summary(ours, rereads);
}

function readAgain(args: readonly string[], prompts: readonly (readonly number[])[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), "repo-memory-reread-"));
  try {
    const file = join(folder, "prompts.json");
    writeFileSync(file, JSON.stringify(prompts));
    return runChild("measure-reread.ts", [...args, file], v.array(v.number()));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function summary(rounds: readonly MemoryTimes[], rereads: Readonly<Record<string, number[]>>): FirstTokenResult {
  const asked = rounds.flatMap((round) => round.asked.slice(1));
  const middle = (pick: (times: MemoryTimes["asked"][number]) => number) => rounded(median(asked.map(pick)));
  const ours = middle(({ firstTokenMs }) => firstTokenMs);
  const same = median(rereads["own"] ?? []);
  const byType = Object.entries(rereads).map(([type, times]) => ({ type, ms: median(times) }));
  const quickest = byType.reduce((best, other) => (other.ms < best.ms ? other : best));
  return {
    tokensInMemory: rounds[0]?.tokens ?? 0,
    tokensInWindow: median(asked.map(({ memoryTokens }) => memoryTokens)),
    ours,
    reread: rounded(same),
    ratio: rounded(same / ours),
    lookupShare: middle(({ lookupMs, firstTokenMs }) => lookupMs / firstTokenMs),
    parts: {
      lookup: middle(({ lookupMs }) => lookupMs),
      fill: middle(({ fillMs }) => fillMs),
      read: middle(({ firstTokenMs, lookupMs, fillMs }) => firstTokenMs - lookupMs - fillMs),
    },
    fastest: {
      reread: rounded(quickest.ms),
      ratio: rounded(quickest.ms / ours),
      type: quickest.type === "own" ? "the file's own" : quickest.type,
    },
    load: rounded(loadavg()[0] ?? 0),
  };
}
