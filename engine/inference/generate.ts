/** Token by token: from a filled window to a stream of text. */
import type { SamplingOptions } from "../protocol/requests.ts";
import type { AttentionWindow } from "./attention-window.ts";
import type { LanguageModel } from "./language-model.ts";
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
  /** By observed layer, [heads, width]; missing on the last step. */
  attention?: { weights: ReadonlyMap<number, Float32Array>; width: number };
  finish?: "stop" | "length" | "cancelled";
  /** Characters at the answer's end that only say again what stands before them. */
  repeated?: number;
}

/** Tokens that the repetition penalty looks back on. */
const RECENT_TOKENS = 256;

/**
 * Reads `suffix` behind the window and generates until an end token, a loop, `maxTokens`, the model's last position or an
 * abort.
 * The last step has `finish`. An abort is noticed within one token; before the first one it throws an AbortError.
 */
export async function* generate(
  model: LanguageModel,
  window: AttentionWindow,
  suffix: Int32Array,
  options: GenerateOptions,
): AsyncGenerator<GenerateStep> {
  let position = window.length;
  const maxTokens = Math.min(options.maxTokens, model.positions - position - suffix.length);
  const sampler = createSampler(options);
  const stream = new TextStream();
  const stopping = new StoppingCriteria({
    endTokens: model.tokenizer.endTokens,
    maxTokens,
    stopStrings: options.stopStrings ?? [],
  });
  const recent: number[] = [];
  let logits = await model.prefill(window, suffix, position, options.signal);
  position += suffix.length;
  for (;;) {
    if (options.signal.aborted) return yield { text: stream.flush(), tokens: recent.length, finish: "cancelled" };
    const token = sampler.next(logits, recent.slice(-RECENT_TOKENS));
    recent.push(token);
    const { text, finish } = stopping.push(token, stream.push(model.tokenizer.bytes(token)));
    if (finish) {
      const tokens = recent.length - (model.tokenizer.endTokens.has(token) ? 1 : 0);
      return yield { text: text + stream.flush(), tokens, finish };
    }
    const loop = loopLength(recent);
    if (loop > 0) {
      const repeated = model.tokenizer.decode(recent.slice(-loop)).length;
      return yield { text: text + stream.flush(), tokens: recent.length, finish: "stop", repeated };
    }
    // Shown before the next token is computed: nobody waits for what is there.
    yield { text, tokens: recent.length };
    const width = window.capacity + 1;
    const step = await model.decode(window, token, position++, true);
    logits = step.logits;
    yield { text: "", tokens: recent.length, attention: { weights: step.attention, width } };
  }
}
