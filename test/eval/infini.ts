/**
 * Infini-attention through the engine: pass keys up to a million tokens, named values and constants in code, and how well held-out code
 * is predicted with a memory of what stands before it. `--limit N` takes N samples of each, `--only PART,PART` measures less.
 */
import { InfiniStrategy } from "../../engine/answer/infini.ts";
import { Store } from "../../engine/store/store.ts";
import { type BenchOptions, partsOf } from "../bench/benchmark.ts";
import { seededRandom, randomInteger } from "../support/random.ts";
import { openCorpora } from "./corpora.ts";
import { names } from "./eval-case.ts";
import { type CodeBits, infiniCode } from "./infini-code.ts";
import { type Estimate, proportion } from "./intervals.ts";
import { type EvalSession, openEval } from "./open-eval.ts";
import { namedValues, PASSKEY_QUESTION, passkeyTexts, type Telling } from "./strategy-cases.ts";
import { StrategyFolder } from "./strategy-folder.ts";

const SAMPLES = 20;
const SIZES = [5_000, 32_000, 128_000, 1_000_000];
const DEPTHS = { start: 0, middle: 0.5, end: 1 };
const PAIRS = [2, 8, 32];
/** Of the text that pairs and constants stand in. */
const PAIR_TOKENS = 5_000;
const CONSTANT_TOKENS = 20_000;

interface PasskeyRow {
  tokens: number;
  /** Tokens that ran through the model for all samples: equal segments are encoded once. */
  encodedTokens: number;
  found: Record<string, Estimate>;
  secondsAnAnswer: number;
  /** Of the memory, as it is stored. */
  memoryBytes: number;
}

interface InfiniResult {
  passkey?: PasskeyRow[];
  /** By the number of named values in one memory. */
  association?: Record<string, Estimate>;
  constants?: Record<string, Estimate>;
  code?: CodeBits;
}

const PARTS = [...SIZES.map((tokens) => `passkey-${tokens}` as const), "association", "constants", "code"] as const;

/** See the module. */
export async function run(options: BenchOptions): Promise<InfiniResult> {
  const { dataDir, tell, limit = SAMPLES } = options;
  const parts = partsOf(options, PARTS);
  const result: InfiniResult = {};
  const session = await openEval(options);
  try {
    for (const tokens of SIZES) {
      if (!parts.has(`passkey-${tokens}`)) continue;
      (result.passkey ??= []).push(await askPasskeys(session, options, tokens, limit));
    }
    const corpora = await openCorpora(dataDir, "report", tell);
    const files = new Map(corpora.flatMap((corpus) => [...corpus.files]));
    if (parts.has("code")) result.code = await infiniCode(session.loaded, options, files, limit * 2);
    const valued = async (telling: Telling, tokens: number) => {
      const shares: Record<string, Estimate> = {};
      for (const pairs of PAIRS) {
        const right = await askValues(session, options, files, { pairs, tokens, telling, samples: limit });
        shares[pairs] = proportion(right);
        tell(`${telling}, ${pairs} values in ${tokens} tokens: ${shares[pairs].value} of ${right.length}`);
      }
      return shares;
    };
    if (parts.has("association")) result.association = await valued("sentence", PAIR_TOKENS);
    if (parts.has("constants")) result.constants = await valued("constant", CONSTANT_TOKENS);
    return result;
  } finally {
    await session.close();
  }
}

async function askPasskeys(
  session: EvalSession,
  { threads, tell }: BenchOptions,
  tokens: number,
  samples: number,
): Promise<PasskeyRow> {
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const random = seededRandom(tokens);
  return StrategyFolder.use(session, threads, async (folder) => {
    const found: PasskeyRow["found"] = {};
    let [encodedTokens, seconds, inMemory] = [0, 0, 0];
    for (const [name, depth] of Object.entries(DEPTHS)) {
      const right: boolean[] = [];
      for (let i = 0; i < samples; i++) {
        const key = String(10_000 + randomInteger(random, 90_000));
        const written = await folder.write(passkeyTexts(count, tokens, depth, key));
        encodedTokens += written.encodedTokens;
        inMemory = written.tokens;
        const { answer, timing } = await folder.ask(PASSKEY_QUESTION, "infini");
        seconds += timing.totalMs / 1000;
        right.push(names(answer, { answers: [key] }));
        tell(`${tokens}, ${name}: ${key}, answered ${JSON.stringify(answer)}`);
      }
      found[name] = proportion(right);
      tell(`pass key at the ${name} of ${inMemory} tokens: ${found[name].value} of ${right.length}`);
    }
    const memoryBytes = await bytesOfMemory(session, threads, folder.storePath);
    return { tokens: inMemory, encodedTokens, found, secondsAnAnswer: seconds / (3 * samples), memoryBytes };
  });
}

interface ValueCases {
  pairs: number;
  tokens: number;
  telling: Telling;
  samples: number;
}

/** Memories of `pairs` values each, so many that about `samples` questions are asked, at most eight of each memory. */
async function askValues(
  session: EvalSession,
  { threads, tell }: BenchOptions,
  files: ReadonlyMap<string, string>,
  { pairs, tokens, telling, samples }: ValueCases,
): Promise<boolean[]> {
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const random = seededRandom(pairs + tokens);
  const right: boolean[] = [];
  await StrategyFolder.use(session, threads, async (folder) => {
    while (right.length < 2 * samples) {
      const start = randomInteger(random, files.size - 20);
      const part = new Map([...files].slice(start));
      const { texts, asked } = namedValues(part, { count: pairs, tokens, telling }, count, random);
      await folder.write(texts);
      for (const { question, value } of asked.slice(0, 8)) {
        const { answer } = await folder.ask(question, "infini");
        right.push(names(answer, { answers: [value] }));
        tell(`${question} ${value}, answered ${JSON.stringify(answer)}`);
      }
    }
  });
  return right;
}

async function bytesOfMemory({ loaded }: EvalSession, threads: number, path: string): Promise<number> {
  const store = new Store(path, () => undefined);
  const strategy = new InfiniStrategy({ ...loaded, store, threads, log: () => undefined });
  try {
    return (await strategy.memory(new AbortController().signal)).sums.byteLength;
  } finally {
    await strategy.close();
    store.close();
  }
}
