/** Passkey retrieval by published InfLLM: the text and the question of the paper's own test (∞-Bench's Retrieve.PassKey). */
import { InfllmStream } from "../../engine/inference/infllm-stream.ts";
import { LayerwiseModel } from "../../engine/inference/layerwise-model.ts";
import { createRandom } from "../../engine/inference/random.ts";
import { type InfllmSettings, PUBLISHED_SETTINGS } from "../../engine/memory/infllm-window.ts";
import type { Tokenizer } from "../../engine/tokenizer/tokenizer-api.ts";
import { openBenchModel } from "../bench/open-bench-model.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { names } from "./eval-case.ts";
import { type Estimate, proportion } from "./intervals.ts";

const OPENING =
  "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it. I will quiz you about the important information there.\n";
const FILLER = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n";
const QUESTION = "What is the pass key? The pass key is";

/** Digits of a pass key. */
const DIGITS = 5;
/** Enough for the digits and a space before them. */
const ANSWER_TOKENS = 12;

/** Where the keys stood, whether they were found, and what that took. */
export interface InfllmPasskey {
  tokens: number;
  settings: InfllmSettings;
  accuracy: Estimate;
  /** By depth: 0 is the text's beginning, 1 its end. */
  depths: { depth: number; key: string; answer: string; found: boolean; layersThatFound: number }[];
  tokensPerSecond: number;
  /** Bytes of RAM that a token's blocks take. */
  bytesPerToken: number;
}

/** Streams one text a depth, each with a key of its own, and asks for it. */
export async function infllmPasskey(
  layerwise: LayerwiseModel,
  tokens: number,
  depths: readonly number[],
  tell: (text: string) => void,
  settings = PUBLISHED_SETTINGS,
): Promise<InfllmPasskey> {
  const rows: InfllmPasskey["depths"] = [];
  const { tokenizer } = layerwise.model;
  let [seconds, bytesPerToken] = [0, 0];
  for (const [i, depth] of depths.entries()) {
    const random = createRandom(1000 + i);
    const key = Array.from({ length: DIGITS }, () => Math.floor(random() * 10)).join("");
    const { text, needle } = passkeyText(tokenizer, tokens, depth, key);
    const stream = InfllmStream.create(layerwise, settings);
    const started = performance.now();
    await stream.read(text);
    seconds += (performance.now() - started) / 1000;
    bytesPerToken = stream.bytes / (stream.blocks * settings.blockTokens);
    const question = tokenizer.encode(QUESTION);
    const answer = tokenizer.decode(await collect(stream.ask(question, { maxTokens: ANSWER_TOKENS })));
    const layersThatFound = await layersThatChose(stream, question, needle);
    rows.push({ depth, key, answer, found: names(answer, { answers: [key] }), layersThatFound });
    tell(`depth ${depth}: ${key}, answered ${JSON.stringify(answer)}; ${layersThatFound} layers chose its block`);
  }
  const accuracy = proportion(rows.map(({ found }) => found));
  return {
    tokens,
    settings,
    accuracy,
    depths: rows,
    tokensPerSecond: (tokens * depths.length) / seconds,
    bytesPerToken,
  };
}

/** In how many layers the question's look-up chose a block of the needle's tokens. */
async function layersThatChose(stream: InfllmStream, question: Int32Array, needle: { from: number; to: number }) {
  const found = await stream.lookUp(question);
  const holds = (block: number) => {
    const start = stream.blockStart(block);
    return start < needle.to && start + stream.settings.blockTokens > needle.from;
  };
  return found.filter(({ chosen }) => chosen.some(holds)).length;
}

/** Exactly `tokens` tokens with the key's sentence at `depth`; the filler's lines are not cut but at the end. */
function passkeyText(tokenizer: Tokenizer, tokens: number, depth: number, key: string) {
  const opening = tokenizer.encode(OPENING);
  const filler = tokenizer.encode(FILLER);
  const needle = tokenizer.encode(`The pass key is ${key}. Remember it. ${key} is the pass key.\n`);
  const room = tokens - opening.length - needle.length;
  const before = opening.length + Math.floor((room * depth) / filler.length) * filler.length;
  const text = new Int32Array(tokens);
  for (let i = 0; i < tokens; i++) {
    const past = i < before ? i - opening.length : i - opening.length - needle.length;
    text[i] = (i < opening.length ? opening[i] : undefined) ?? filler[Math.max(0, past) % filler.length] ?? 0;
  }
  text.set(needle, before);
  return { text, needle: { from: before, to: before + needle.length } };
}

async function collect(tokens: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const token of tokens) all.push(token);
  return all;
}

/** The row for `passkey`: a few depths of one text length, as each takes as long as reading the text. */
export async function measureInfllmPasskey(
  { dataDir, modelPath, threads, tell }: BenchOptions,
  tokens: number,
  depths: readonly number[],
): Promise<InfllmPasskey> {
  const model = await openBenchModel({ dataDir, modelPath, threads });
  const layerwise = await LayerwiseModel.open(model, threads);
  try {
    return await infllmPasskey(layerwise, tokens, depths, tell);
  } finally {
    await layerwise.close();
    await model.close();
  }
}
