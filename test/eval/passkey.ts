/**
 * One pass key among a million tokens of real sources: `{accuracy, tokens}` over 11 depths and 5 keys. The haystack is read
 * once; then each case changes the one file that its key stands in, as an editor with unsaved text does. `--limit N` asks N
 * cases, spread over the depths; REPO_MEMORY_EVAL_TOKENS sets another size. Beside it InfLLM as published, streamed through its
 * own test at 128K tokens, which takes one core some 17 minutes a depth (`--limit 1` tries one).
 */
import type { BenchOptions } from "../bench/benchmark.ts";
import { largeFolder } from "../support/large-folder.ts";
import { holdsAll, names } from "./eval-case.ts";
import { haystackTokens } from "./haystack.ts";
import { type InfllmPasskey, measureInfllmPasskey } from "./infllm-passkey.ts";
import { type Estimate, proportion } from "./intervals.ts";
import { type EvalWorkspace, openEval } from "./open-eval.ts";
import { PASSKEY_QUESTION, type PasskeyCase, passkeyCases } from "./passkey-cases.ts";

const SEED = 1;
const DEPTHS = 11;
const KEYS = 5;
/** Of the published method's own test. */
const PUBLISHED_TOKENS = 131_072;
const PUBLISHED_DEPTHS = [0.5, 0.1, 0.8];

interface PasskeyResult {
  /** Share of the answers that say the key. */
  accuracy: Estimate;
  /** Share of the questions whose first eight blocks have the key. */
  recallAt8: Estimate;
  /** In memory. */
  tokens: number;
  byDepth: { depth: number; accuracy: number }[];
  seed: number;
  /** Cases that were not answered, with the answer given. */
  wrong: { depth: number; key: string; path: string; line: number; answer: string }[];
  /** InfLLM as published; its paper reports 1. */
  published: InfllmPasskey;
}

/** What became of a case. */
interface Outcome extends PasskeyCase {
  answer: string;
  recalled: boolean;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<PasskeyResult> {
  const session = await openEval(options);
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const { folder, files } = await largeFolder(options.dataDir, haystackTokens(1_000_000), count);
  const memory = await session.open(folder);
  const outcomes: Outcome[] = [];
  try {
    const cases = passkeyCases(files, { seed: SEED, depths: DEPTHS, keys: KEYS });
    for (const asked of spread(cases, options.limit)) {
      outcomes.push(await askWithKey(memory, asked));
      options.tell(JSON.stringify({ ...outcomes.at(-1), text: undefined }));
    }
    await memory.workspace.ingest(session.context); // the last file, too, is as it was
  } finally {
    await memory.close();
    await session.close();
  }
  // More would not fit the RAM of a small machine: 12.6 KB a token.
  const streamed = Math.min(PUBLISHED_TOKENS, haystackTokens(PUBLISHED_TOKENS));
  const published = await measureInfllmPasskey(options, streamed, PUBLISHED_DEPTHS.slice(0, options.limit));
  return { ...figures(outcomes), tokens: memory.tokens, seed: SEED, published };
}

/** `limit` of the cases, at even steps. */
function spread(cases: readonly PasskeyCase[], limit = cases.length): PasskeyCase[] {
  const step = Math.max(1, cases.length / limit);
  return cases.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
}

/** Puts the key's file into memory, asks, and takes it out again, whatever happens. */
async function askWithKey(memory: EvalWorkspace, asked: PasskeyCase): Promise<Outcome> {
  const { path, text } = asked;
  try {
    // Questions wait until what changed is encoded.
    await memory.workspace.changed([{ path, text }]);
    const recalled = holdsAll(await memory.recall(PASSKEY_QUESTION, 8), [asked]);
    return { ...asked, recalled, answer: await memory.ask(PASSKEY_QUESTION) };
  } finally {
    await memory.workspace.changed([{ path }]);
  }
}

function figures(outcomes: readonly Outcome[]): Pick<PasskeyResult, "accuracy" | "recallAt8" | "byDepth" | "wrong"> {
  const right = ({ answer, key }: Outcome) => names(answer, { answers: [key] });
  const byDepth = [...Map.groupBy(outcomes, ({ depth }) => depth)].map(([depth, own]) => ({
    depth,
    accuracy: own.filter(right).length / own.length,
  }));
  return {
    accuracy: proportion(outcomes.map(right)),
    recallAt8: proportion(outcomes.map(({ recalled }) => recalled)),
    byDepth,
    wrong: outcomes
      .filter((outcome) => !right(outcome))
      .map(({ depth, key, path, line, answer }) => ({ depth, key, path, line, answer })),
  };
}
