/** Token by token: from a model that has its memory to a stream of text. */
import type { SamplingOptions } from "../protocol/requests.ts";
import type { DecodedToken, DecodingState } from "./decoding-state.ts";
import { loopLength } from "./loop-guard.ts";
import { createSampler } from "./sampler.ts";
import { StoppingCriteria } from "./stopping-criteria.ts";
import { TextStream } from "./text-stream.ts";

export interface GenerateOptions extends SamplingOptions {
  maxTokens: number;
  signal: AbortSignal;
  /** As in `StoppingOptions`. */
  stopStrings?: readonly string[];
}

/** One generated token: its text as far as it is clear, and what it attended to. */
export interface GenerateStep {
  text: string;
  /** Generated so far, the end token not counted. */
  tokens: number;
  /** Missing on the last step. */
  attention?: DecodedToken["attention"];
  finish?: "stop" | "length" | "cancelled";
  /** Characters at the answer's end that only say again what stands before them. */
  repeated?: number;
}

/** Tokens that the repetition penalty looks back on. */
const RECENT_TOKENS = 256;

/**
 * Reads `suffix` and generates until an end token, a loop, `maxTokens`, the model's last position or an
 * abort.
 * The last step has `finish`. An abort is noticed within one token; before the first one it throws an AbortError.
 */
export async function* generate(
  state: DecodingState,
  suffix: Int32Array,
  options: GenerateOptions,
): AsyncGenerator<GenerateStep> {
  const maxTokens = Math.min(options.maxTokens, state.positions - state.length - suffix.length);
  const sampler = createSampler(options);
  const stream = new TextStream();
  const stopping = new StoppingCriteria({
    endTokens: state.tokenizer.endTokens,
    maxTokens,
    stopStrings: options.stopStrings ?? [],
  });
  const recent: number[] = [];
  const best = goesByBest(options);
  let logits = await state.read(suffix, options.signal);
  for (;;) {
    if (options.signal.aborted) return yield { text: stream.flush(), tokens: recent.length, finish: "cancelled" };
    const token = sampler.next(logits, recent.slice(-RECENT_TOKENS));
    recent.push(token);
    const { text, finish } = stopping.push(token, stream.push(state.tokenizer.bytes(token)));
    if (finish) {
      const tokens = recent.length - (state.tokenizer.endTokens.has(token) ? 1 : 0);
      return yield { text: text + stream.flush(), tokens, finish };
    }
    const loop = loopLength(recent);
    if (loop > 0) {
      const repeated = state.tokenizer.decode(recent.slice(-loop)).length;
      return yield { text: text + stream.flush(), tokens: recent.length, finish: "stop", repeated };
    }
    // Shown before the next token is computed: nobody waits for what is there.
    yield { text, tokens: recent.length };
    const { attention, ...step } = await state.decode(token, best);
    logits = step.logits;
    if (attention) yield { text: "", tokens: recent.length, attention };
  }
}

/** Whether a token is chosen among the few best: as many as the repetition penalty can push down, and those of top-k. */
function goesByBest({ temperature = 0, topK = 0, repetitionPenalty = 1 }: SamplingOptions): boolean {
  if (repetitionPenalty < 1) return false;
  return temperature === 0 || (topK > 0 && topK <= RECENT_TOKENS);
}
