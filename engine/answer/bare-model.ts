/** The model as it is, without any memory: a chat goes in, text comes out. */
import { WindowState } from "../inference/decoding-state.ts";
import { generate } from "../inference/generate.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import type { PromptWriter } from "../inference/prompt.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type {
  CountTokensParams,
  CountTokensResult,
  GenerateEvent,
  GenerateParams,
  GenerateResult,
} from "../protocol/generation.ts";

/** Slots beside the prompt that a window begins with; it grows with the answer. */
const FIRST_SLOTS = 128;

interface Bare {
  model: LanguageModel;
  prompt: PromptWriter;
}

/**
 * Continues a chat. Its last event is `end`, also when it is cancelled while it is written.
 * @throws RepoMemoryError "usage" where no message is the user's, or the chat leaves no room for an answer
 */
export async function* continueChat(
  { model, prompt }: Bare,
  params: GenerateParams,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  const started = performance.now();
  if (params.messages.every(({ role }) => role !== "user"))
    throw new RepoMemoryError("usage", {
      message: "A chat needs a message of the user's.",
      remedy: "Add the question as a message of the user's.",
    });
  const tokens = prompt.chat(params.messages);
  if (tokens.length >= model.positions) throw tooLong(tokens.length, model.positions);
  const window = model.window(Math.min(tokens.length + FIRST_SLOTS, model.positions));
  const { stop: stopStrings = [], maxTokens = model.positions, ...sampling } = params;
  const options = { ...sampling, maxTokens, stopStrings, signal };
  let text = "";
  let firstTokenMs = 0;
  let generated = 0;
  let finish: GenerateResult["finish"] = "stop";
  for await (const step of generate(new WindowState(model, window), tokens, options)) {
    if (firstTokenMs === 0) firstTokenMs = performance.now() - started;
    generated = step.tokens;
    if (step.text !== "") yield { type: "token", text: step.text };
    text += step.text;
    finish = step.finish ?? finish;
  }
  const timing = { firstTokenMs, totalMs: performance.now() - started };
  yield { type: "end", result: { text, tokens: { prompt: tokens.length, generated }, timing, finish } };
}

/** Counts as the model itself does. */
export function countTokens({ model, prompt }: Bare, { texts }: CountTokensParams): CountTokensResult {
  const { name, architecture } = model.config;
  return {
    counts: texts.map((text) => model.tokenizer.encode(text).length),
    perMessage: prompt.tokensPerMessage(),
    model: { name, architecture, windowTokens: model.positions },
  };
}

function tooLong(tokens: number, windowTokens: number): RepoMemoryError {
  return new RepoMemoryError("usage", {
    message: `The chat has ${tokens} tokens; the model's window holds ${windowTokens}.`,
    meaning: "There is no room for an answer.",
    remedy: "Send fewer or shorter messages, or choose a model with a longer context.",
  });
}
