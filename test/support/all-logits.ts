import { PREFILL_ROWS } from "../../engine/graph/attention.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";

/** Final hidden states of every token, [tokens, hidden], read from an empty window as prefill reads. */
export async function hiddenStates(model: LanguageModel, tokens: Int32Array): Promise<Float32Array> {
  const window = model.window(0);
  const states = new Float32Array(tokens.length * model.config.hidden);
  for (let from = 0; from < tokens.length; from += PREFILL_ROWS) {
    const part = tokens.subarray(from, from + PREFILL_ROWS);
    const positions = Int32Array.from(part, (_, i) => from + i);
    const { kv, hidden } = await model.run(window, part, positions, { hidden: true });
    window.append(kv, 0, part.length, from);
    states.set(hidden, from * model.config.hidden);
  }
  return states;
}

/** Logits of every token, [tokens, vocabulary], one decode step each from an empty window. */
export async function decodeLogits(model: LanguageModel, tokens: readonly number[]): Promise<Float32Array> {
  const window = model.window(tokens.length);
  const logits = new Float32Array(tokens.length * model.config.vocabulary);
  for (const [position, token] of tokens.entries()) {
    logits.set((await model.decode(window, token, position)).logits, position * model.config.vocabulary);
  }
  return logits;
}

/** The largest absolute difference of two arrays; infinite where their lengths differ or a number is missing. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
