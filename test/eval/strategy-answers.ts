/** What the strategies and plain attention answer about the same folders: pass keys in grass, and one of a hundred codes that are alike. */
import { join } from "node:path";
import type { BenchOptions } from "../bench/benchmark.ts";
import { largeFolder, writeFolder } from "../support/large-folder.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { names } from "./eval-case.ts";
import { type Estimate, proportion } from "./intervals.ts";
import type { EvalSession } from "./open-eval.ts";
import { multiKeyCases } from "./passkey-cases.ts";
import { PlainAttention } from "./plain-attention.ts";
import { PASSKEY_QUESTION, passkeyTexts } from "./strategy-cases.ts";
import { StrategyFolder } from "./strategy-folder.ts";

/** The strategies that are compared; "plain" is plain attention over the folder's last tokens. */
export const COMPARED = ["infllm", "infini", "longmem", "plain"] as const;
export type Compared = (typeof COMPARED)[number];

/** Longest answer, in tokens: enough for a sentence that says a value. */
export const ANSWER_TOKENS = 32;

const SIZES = [5_000, 32_000];
const DEPTHS = { start: 0, middle: 0.5, end: 1 };
/** Of the text that a hundred codes stand in. */
const CODES_TOKENS = 32_000;
const SEED = 2;

/** Shares of right answers: by size and place, then by strategy. */
export type PassKeys = Record<string, Record<string, Record<Compared, Estimate>>>;

/** `samples` keys at each place of each size. */
export async function passKeys(
  session: EvalSession,
  options: BenchOptions,
  compared: readonly Compared[],
  samples: number,
): Promise<PassKeys> {
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const plain = new PlainAttention(session);
  const found: PassKeys = {};
  for (const tokens of SIZES) {
    const random = seededRandom(tokens + 1);
    const places: PassKeys[string] = (found[tokens] = {});
    await StrategyFolder.use(session, options.threads, async (folder) => {
      for (const [place, depth] of Object.entries(DEPTHS)) {
        const right = emptyRows();
        for (let i = 0; i < samples; i++) {
          const key = String(10_000 + randomInteger(random, 90_000));
          const texts = passkeyTexts(count, tokens, depth, key);
          await folder.write(texts);
          for (const strategy of compared) {
            const { answer } = await (strategy === "plain"
              ? plain.ask(texts, PASSKEY_QUESTION, ANSWER_TOKENS)
              : folder.ask(PASSKEY_QUESTION, strategy));
            right[strategy].push(names(answer, { answers: [key] }));
            options.tell(`${strategy}: ${key}, answered ${JSON.stringify(answer)}`);
          }
        }
        places[place] = shares(right);
        options.tell(`pass key at the ${place} of ${tokens} tokens: ${JSON.stringify(right)}`);
      }
    });
  }
  return found;
}

/** The codes of `samples` services, among a hundred in real sources. */
export async function multiKey(
  session: EvalSession,
  { dataDir, tell }: BenchOptions,
  compared: readonly Compared[],
  samples: number,
): Promise<Record<Compared, Estimate>> {
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const { files, cases } = multiKeyCases((await largeFolder(dataDir, CODES_TOKENS, count)).files, SEED);
  const { folder } = writeFolder(join(dataDir, "eval", "folders"), "strategies", files);
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const plain = new PlainAttention(session);
  const memory = await session.open(folder);
  const right = emptyRows();
  try {
    for (const asked of cases.slice(0, samples)) {
      for (const strategy of compared) {
        const answer =
          strategy === "plain"
            ? (await plain.ask(texts, asked.question, ANSWER_TOKENS)).answer
            : await memory.ask(asked.question, { strategy, maxTokens: ANSWER_TOKENS });
        right[strategy].push(names(answer, asked));
        if (!names(answer, asked)) tell(`${strategy}: ${asked.question} Answered ${JSON.stringify(answer)}`);
      }
    }
  } finally {
    await memory.close();
  }
  tell(`one of a hundred codes: ${JSON.stringify(right)}`);
  return shares(right);
}

function emptyRows(): Record<Compared, boolean[]> {
  return { infllm: [], infini: [], longmem: [], plain: [] };
}

function shares(right: Record<Compared, boolean[]>): Record<Compared, Estimate> {
  const { infllm, infini, longmem, plain } = right;
  return {
    infllm: proportion(infllm),
    infini: proportion(infini),
    longmem: proportion(longmem),
    plain: proportion(plain),
  };
}
