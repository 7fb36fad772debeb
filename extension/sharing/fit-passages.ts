/** Passages of the memory as text for a language model, within the tokens that it has room for. Knows nothing of VS Code. */
import type { LineRange } from "../../engine/protocol/requests.ts";

/** The caller's tokens, by its own tokenizer. */
export interface TokenBudget {
  tokenBudget: number;
  countTokens(text: string): PromiseLike<number>;
}

/** Lines of a file with their text. */
export interface Passage extends LineRange {
  text?: string;
}

/**
 * A text a passage, best first: its place, then its lines as a code block. One that no longer fits is left out, and those after
 * it are tried; where none fits, places alone are given.
 */
export async function fitPassages<P extends Passage>(
  passages: readonly P[],
  placeName: (passage: P) => string,
  budget: TokenBudget | undefined,
): Promise<string[]> {
  const whole = passages.map((passage) => `${placeName(passage)}\n${fenced(passage.text ?? "")}\n`);
  if (!budget) return whole;
  const fitting = await fit(whole, budget);
  return fitting.length > 0
    ? fitting
    : fit(
        passages.map((passage) => `${placeName(passage)}\n`),
        budget,
      );
}

async function fit(texts: readonly string[], budget: TokenBudget): Promise<string[]> {
  const fitting: string[] = [];
  let left = budget.tokenBudget;
  for (const text of texts) {
    const tokens = await budget.countTokens(text);
    if (tokens > left) continue;
    left -= tokens;
    fitting.push(text);
  }
  return fitting;
}

/** With a fence that the text itself does not hold. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.replace(/\r?\n$/, "")}\n${fence}`;
}
