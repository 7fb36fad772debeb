/**
 * What a memory costs as it grows: 10,000, 100,000 and 1,000,000 tokens, each asked in a process of its own. `reopen` is the
 * largest one's, opened when it was there already. REPO_MEMORY_EVAL_TOKENS sets another largest size.
 */
import { haystackTokens } from "../eval/haystack.ts";
import type { BenchOptions } from "./benchmark.ts";
import { median, rounded, runChild } from "./measure-child.ts";
import { haystackFolder, MemoryTimes } from "./measure-memory-run.ts";

const SIZES = [10_000, 100_000, 1_000_000];

/** Milliseconds and bytes; times are medians over several questions. */
interface ScalePoint {
  tokens: number;
  /** Of the process, after the questions, weights included. */
  rssBytes: number;
  lookupMs: number;
  firstTokenMs: number;
  /** On disk: keys, values, index and text. */
  bytesPerToken: number;
}

interface ScaleResult {
  points: ScalePoint[];
  /** The largest memory's, in a process that found it whole. */
  reopen: { encodedTokens: number; readyMs: number };
  /** The largest memory's process over the smallest's. */
  rssRatio: number;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<ScaleResult> {
  const { dataDir, modelPath, threads, tell } = options;
  const largest = haystackTokens(Math.max(...SIZES));
  const sizes = [...SIZES.filter((size) => size < largest), largest];
  const points: ScalePoint[] = [];
  let reopen = { encodedTokens: 0, readyMs: 0 };
  for (const size of sizes) {
    tell(`${size} tokens`);
    const args = [dataDir, modelPath, String(threads), await haystackFolder(options, size)];
    // The first process may have to read the folder; what is measured is the second, which has to find it read.
    runChild("measure-memory.ts", args, MemoryTimes);
    const memory = runChild("measure-memory.ts", args, MemoryTimes);
    points.push(point(memory));
    reopen = { encodedTokens: memory.encodedTokens, readyMs: rounded(memory.readyMs) };
  }
  const rssRatio = rounded((points.at(-1)?.rssBytes ?? 0) / (points[0]?.rssBytes ?? 1));
  return { points, reopen, rssRatio };
}

function point({ tokens, rssBytes, bytesPerToken, asked }: MemoryTimes): ScalePoint {
  const [, ...measured] = asked;
  return {
    tokens,
    rssBytes,
    lookupMs: rounded(median(measured.map(({ lookupMs }) => lookupMs))),
    firstTokenMs: rounded(median(measured.map(({ firstTokenMs }) => firstTokenMs))),
    bytesPerToken: rounded(bytesPerToken),
  };
}
