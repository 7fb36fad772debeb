/** Plain attention beside the strategies: no memory, the folder's text itself stands in the prompt, as much of its end as the model's positions hold. */
import { answer } from "../../engine/answer/answer.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { WindowState } from "../../engine/inference/decoding-state.ts";
import type { AskResult } from "../../engine/protocol/requests.ts";
import type { EvalSession } from "./open-eval.ts";
import type { Texts } from "./strategy-cases.ts";

/** Positions that are kept free for a question and its answer. */
const QUESTION_TOKENS = 256;

/** What turns text into tokens. */
interface TextTokens {
  header(path: string): Int32Array;
  tokenize(text: string): Int32Array;
}

/**
 * At most `room` tokens of files in the order of their paths, each behind its header. What does not fit goes from the beginning: the first
 * file that is kept loses its first tokens, and all before it are left out.
 */
export function lastTokens(texts: Texts, room: number, encoder: TextTokens): Int32Array {
  const parts: Int32Array[] = [];
  let left = room;
  for (const [path, text] of [...texts].toSorted(([a], [b]) => (a < b ? -1 : 1)).toReversed()) {
    const [before, tokens] = [encoder.header(path), encoder.tokenize(text)];
    const kept = tokens.slice(Math.max(0, tokens.length - Math.max(0, left - before.length)));
    if (kept.length === 0) break;
    parts.unshift(before, kept);
    left -= before.length + kept.length;
    if (kept.length < tokens.length) break;
  }
  return Int32Array.from(parts.flatMap((part) => [...part]));
}

/** Asks with text in the window. What two texts begin with alike is read once. */
export class PlainAttention {
  /** What reading the text of the last question took: nothing where the question before it had the same. */
  readMs = 0;
  private readonly session: EvalSession;
  private tokens: Int32Array = new Int32Array(0);
  private readonly window: AttentionWindow;

  constructor(session: EvalSession) {
    this.session = session;
    // It grows as it is read: each unused slot would cost attention.
    this.window = session.loaded.encoder.prefix.copy(0);
  }

  /** Tokens of text that fit. */
  get room(): number {
    return this.session.loaded.model.positions - this.session.loaded.encoder.prefix.length - QUESTION_TOKENS;
  }

  /** The greedy answer; its times begin when the text is read. */
  async ask(texts: Texts, question: string, maxTokens: number): Promise<AskResult> {
    const { loaded, context } = this.session;
    const { model, prompt, encoder } = loaded;
    await this.read(lastTokens(texts, this.room, encoder));
    const window = this.window.copy(this.window.length + QUESTION_TOKENS);
    const block = { id: 0, path: "", startLine: 1, endLine: 1, tokens: this.tokens.length, header: 0, segment: 0 };
    const slots = [{ block, from: encoder.prefix.length, to: window.length }];
    const filled = { state: new WindowState(model, window), slots, chosen: [], lookupMs: 0 };
    const params = { folder: "", question, maxTokens };
    for await (const event of answer(model, prompt, params, performance.now(), filled, context.signal))
      if (event.type === "end") return event.result;
    throw new Error("The answer has no end");
  }

  private async read(tokens: Int32Array): Promise<void> {
    const { model, encoder } = this.session.loaded;
    const started = performance.now();
    const differs = tokens.findIndex((token, i) => token !== this.tokens[i]);
    const alike = differs < 0 ? Math.min(tokens.length, this.tokens.length) : differs;
    this.window.truncate(encoder.prefix.length + alike);
    this.tokens = tokens;
    if (alike < tokens.length) await model.read(this.window, tokens.subarray(alike), this.window.length);
    this.readMs = performance.now() - started;
  }
}
