/** From a question to a stream of answer events. */
import type { AttentionWindow } from "../inference/attention-window.ts";
import { generate } from "../inference/generate.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { retrievalHeads } from "../inference/observed-layers.ts";
import type { PromptWriter } from "../inference/prompt.ts";
import type { BlockSlots } from "../memory/block-window.ts";
import type { AnswerEvent, AskParams, AskResult, ScoredRange } from "../protocol/requests.ts";
import { AttentionTally } from "./citations.ts";

const DEFAULT_MAX_TOKENS = 256;

/** A window with its memory in place, and what lies where in it. */
export interface FilledWindow {
  window: AttentionWindow;
  slots: BlockSlots[];
  /** What was looked up, best first; for plain attention, all there is. */
  chosen: ScoredRange[];
  lookupMs: number;
}

/** Generates an answer from a filled window. Its last event is `end`, also when it was cancelled. */
export async function* answer(
  model: LanguageModel,
  prompt: PromptWriter,
  params: AskParams,
  started: number,
  filled: FilledWindow,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const { window, slots, chosen, lookupMs } = filled;
  const memoryTokens = slots.reduce((sum, { from, to }) => sum + to - from, 0);
  yield { type: "lookup", blocks: chosen, memoryTokens, lookupMs };
  const suffix = prompt.suffix(params, slots.length > 0);
  const promptTokens = window.length + suffix.length;
  const tally = new AttentionTally(slots, retrievalHeads(model.config));
  const options = { ...params, maxTokens: params.maxTokens ?? DEFAULT_MAX_TOKENS, signal };
  let text = "";
  let generated = 0;
  let firstTokenMs = 0;
  let finish: AskResult["finish"] = "stop";
  for await (const step of generate(model, window, suffix, options)) {
    if (generated === 0) firstTokenMs = performance.now() - started;
    if (step.attention) {
      generated++;
      tally.add(step.attention.weights, step.attention.width);
    }
    if (step.text !== "") yield { type: "token", text: step.text };
    text += step.text;
    if (step.repeated) text = text.slice(0, -step.repeated);
    finish = step.finish ?? finish;
  }
  const result: AskResult = {
    answer: text.trim(),
    citations: tally.citations(),
    tokens: { prompt: promptTokens, memory: memoryTokens, generated },
    timing: { lookupMs, firstTokenMs, totalMs: performance.now() - started },
    finish,
  };
  yield { type: "end", result };
}
