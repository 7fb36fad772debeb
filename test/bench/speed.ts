/**
 * Prefill, decode and ingestion beside llama.cpp: same file, same threads, one after the other, medians of three rounds;
 * `fastest` compares with whichever of llama.cpp's own types of the same model is quickest at each. `--limit N` ingests the first N files.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { openModel } from "../../engine/models/open-model.ts";
import { createTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { largeFolder, writeFolder } from "../support/large-folder.ts";
import type { BenchOptions } from "./benchmark.ts";
import { setUpLlamaCpp } from "./llama-cpp.ts";
import { median, rounded, runChild } from "./measure-child.ts";
import { quantizedCopy, QUICK_TYPES } from "./speed-quantize.ts";
import { PREFILL_TOKENS, RoundTimes } from "./speed-run.ts";

const ROUNDS = 3;
/** Real files that are ingested: a few minutes of llama.cpp's time. */
const INGEST_TOKENS = 60_000;

/** Tokens a second; `ratio` is ours over llama.cpp's. */
interface Speeds {
  ours: number;
  llamaCpp: number;
  ratio: number;
}

/** `fastest` is our speed over llama.cpp's with the quickest of its types, which `type` names. */
interface Comparison extends Speeds {
  fastest: { llamaCpp: number; ratio: number; type: string };
}

/** `attended` is how many tokens decoding attended to, `load` the machine's load average before the rounds and after. */
interface SpeedResult {
  prefill: Comparison;
  decode: Comparison & { attended: number };
  ingest: Comparison & { tokens: number };
  threads: number;
  load: [before: number, after: number];
}

/** Files by name, in the groups that the rounds of llama.cpp read: each file once. */
interface Corpus {
  folder: string;
  shares: string[][];
}

/** See the module; `prefill` reads 512 tokens from an empty context. */
export async function run(options: BenchOptions): Promise<SpeedResult> {
  const { dataDir, modelPath, threads, tell } = options;
  const packageUrl = setUpLlamaCpp(tell);
  const { folder, shares } = await corpus(options);
  const models: Record<string, string> = { own: modelPath };
  for (const type of QUICK_TYPES) models[type] = await quantizedCopy(modelPath, join(dataDir, "bench"), type);
  const before = currentLoad();
  const ours: RoundTimes[] = [];
  const theirs: Record<string, RoundTimes[]> = {};
  for (const [round, files] of shares.entries()) {
    tell(`Round ${round + 1} of ${ROUNDS}`);
    const own = runChild("measure-engine.ts", [dataDir, modelPath, String(threads), folder], RoundTimes);
    ours.push(own);
    for (const [type, path] of Object.entries(models)) {
      const args = [packageUrl, path, String(threads), String(own.attended), ...files];
      (theirs[type] ??= []).push(runChild("measure-llama-cpp.ts", args, RoundTimes));
    }
  }
  const compare = (speed: (rounds: RoundTimes[]) => number) => comparison(ours, theirs, speed);
  return {
    prefill: compare((rounds) => median(rounds.map(({ prefillMs }) => (1000 * PREFILL_TOKENS) / prefillMs))),
    decode: { ...compare((rounds) => median(rounds.map(decodeSpeed))), attended: ours[0]?.attended ?? 0 },
    ingest: { ...compare(ingestSpeed), tokens: ours[0]?.ingest.tokens ?? 0 },
    threads,
    load: [before, currentLoad()],
  };
}

/** The last minute's load average, for whoever reads the figures. */
function currentLoad(): number {
  return rounded(loadavg()[0] ?? 0);
}

function decodeSpeed({ decodeMs }: RoundTimes): number {
  return 1000 / median(decodeMs);
}

/** Over all rounds together: each of llama.cpp's reads other files. */
function ingestSpeed(rounds: RoundTimes[]): number {
  const sum = (pick: (round: RoundTimes) => number) => rounds.reduce((total, round) => total + pick(round), 0);
  return (1000 * sum(({ ingest }) => ingest.tokens)) / sum(({ ingest }) => ingest.ms);
}

function comparison(
  ours: RoundTimes[],
  theirs: Readonly<Record<string, RoundTimes[]>>,
  speed: (rounds: RoundTimes[]) => number,
): Comparison {
  const own = speed(ours);
  const same = speed(theirs["own"] ?? []);
  const byType = Object.entries(theirs).map(([type, rounds]) => ({ type, speed: speed(rounds) }));
  const quickest = byType.reduce((best, other) => (other.speed > best.speed ? other : best));
  const type = quickest.type === "own" ? "the file's own" : quickest.type;
  return {
    ours: rounded(own),
    llamaCpp: rounded(same),
    ratio: rounded(own / same),
    fastest: { llamaCpp: rounded(quickest.speed), ratio: rounded(own / quickest.speed), type },
  };
}

/** Real files, split into as many groups as there are rounds, large and small ones in each. */
async function corpus({ dataDir, modelPath, limit }: BenchOptions): Promise<Corpus> {
  const source = await openModel(modelPath);
  const tokenizer = createTokenizer(source.tokenizerFiles);
  await source.close();
  const all = await largeFolder(dataDir, INGEST_TOKENS, (text) => tokenizer.encode(text).length);
  const files = all.files.slice(0, limit);
  const { folder } = writeFolder(join(dataDir, "bench"), "ingest", files);
  const bySize = files.toSorted((a, b) => b.tokens - a.tokens).map(({ path }) => join(folder, path));
  return {
    folder,
    shares: Array.from({ length: ROUNDS }, (_, round) =>
      bySize.filter((path) => bySize.indexOf(path) % ROUNDS === round),
    ),
  };
}
