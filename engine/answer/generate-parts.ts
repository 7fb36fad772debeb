/** Answers in parts, each of which begins with words that are given. */
import type { DecodingState } from "../inference/decoding-state.ts";
import { generate, type GenerateOptions, type GenerateStep } from "../inference/generate.ts";
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";

/** What ends a part of several. */
const PART_END = "\n\n";

/** A step of `generate`; where `isGiven`, its text is a part's beginning and no token was generated. */
export interface PartStep extends GenerateStep {
  isGiven?: boolean;
}

/**
 * Like `generate`. With parts, the model goes on from each part's given beginning as if it had written that itself: until an
 * empty line where there are several, and within an equal share of the tokens that are left. Only the last step has `finish`.
 */
export async function* generateParts(
  state: DecodingState,
  suffix: Int32Array,
  parts: readonly string[],
  options: GenerateOptions,
): AsyncGenerator<PartStep> {
  if (parts.length === 0) {
    yield* generate(state, suffix, options);
    return;
  }
  await state.read(suffix, options.signal);
  state.mark();
  let text = "";
  let tokens = 0;
  for (const [i, part] of parts.entries()) {
    text += part;
    yield { text: part, tokens, isGiven: true };
    const isLast = i === parts.length - 1;
    const maxTokens = Math.max(1, Math.floor((options.maxTokens - tokens) / (parts.length - i)));
    const before = tokens;
    // What was written so far is read again: an end token, or a part that was cut off, must not stay there.
    state.rewind();
    const own = { ...options, maxTokens, stopStrings: parts.length > 1 ? [PART_END] : [] };
    for await (const { finish, ...step } of generate(state, state.tokenizer.encode(text), own)) {
      text += step.text;
      if (step.repeated) text = text.slice(0, -step.repeated);
      tokens = before + step.tokens;
      const ends = finish !== undefined && (isLast || finish === "cancelled");
      yield { ...step, tokens, ...(ends ? { finish } : {}) };
      if (ends) return;
    }
  }
}

/** Tokens that the parts' beginnings take. */
export function givenTokens(tokenizer: Tokenizer, parts: readonly string[]): number {
  return tokenizer.encode(parts.join("")).length;
}
