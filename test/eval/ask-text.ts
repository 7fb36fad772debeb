/** The baselines that read text: the same model and prompt, what it is given is read as plain tokens. */
import { answer } from "../../engine/answer/answer.ts";
import { WindowState } from "../../engine/inference/decoding-state.ts";
import type { ChatTurn } from "../../engine/protocol/requests.ts";
import { lastAnswer } from "../support/asking.ts";
import type { EvalSession } from "./open-eval.ts";

/** Lines of a file. */
export interface Passage {
  path: string;
  text: string;
}

/** Longest answer, in tokens, unless a caller says otherwise: as long as answers from memory. */
const ANSWER_TOKENS = 64;

/** The answer with the passages read behind their files' headers, in the order given; without any, from no memory. Greedy. */
export async function askText(
  { loaded: { model, prompt, encoder }, context }: EvalSession,
  question: string,
  passages: readonly Passage[],
  maxTokens = ANSWER_TOKENS,
  history: ChatTurn[] = [],
): Promise<string> {
  const tokens = passages.flatMap(({ path, text }) => [...encoder.header(path), ...encoder.tokenize(text)]);
  const window = encoder.prefix.copy(encoder.prefix.length + tokens.length + maxTokens);
  const from = window.length;
  if (tokens.length > 0) await model.read(window, Int32Array.from(tokens), from, context.signal);
  const block = { id: 0, path: "", startLine: 1, endLine: 1, tokens: tokens.length, header: 0, segment: 0 };
  const slots = tokens.length > 0 ? [{ block, from, to: window.length }] : [];
  const filled = { state: new WindowState(model, window), slots, chosen: [], lookupMs: 0 };
  return lastAnswer(
    answer(model, prompt, { folder: "", question, history, maxTokens }, performance.now(), filled, context.signal),
  );
}
