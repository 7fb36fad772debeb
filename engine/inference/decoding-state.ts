/** A model in the middle of a text, with whatever memory it reads: what an answer is generated from. */
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";
import type { AttentionWindow } from "./attention-window.ts";
import type { LanguageModel } from "./language-model.ts";

/** What one decode step leaves behind. */
export interface DecodedToken {
  /** [vocabulary] */
  logits: Float32Array;
  /** By observed layer, [heads, width]; missing where attention goes to no window. */
  attention?: { weights: ReadonlyMap<number, Float32Array>; width: number };
}

/** Takes a text in, token by token; every strategy of memory has one of its own. */
export interface DecodingState {
  readonly tokenizer: Tokenizer;
  /** Tokens that stand before the next one, and the most that may. */
  readonly length: number;
  readonly positions: number;
  /** Reads tokens. @returns the logits after the last one, [vocabulary] */
  read(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array>;
  /** Reads one generated token. @param best whether the best logits are enough: the others may be minus infinity then */
  decode(token: number, best?: boolean): Promise<DecodedToken>;
  /** Notes this place; `rewind` forgets what was read behind it. */
  mark(): void;
  rewind(): void;
}

/** Memory that is in an attention window, with all that the model reads behind it. */
export class WindowState implements DecodingState {
  readonly tokenizer: Tokenizer;
  readonly positions: number;
  private readonly model: LanguageModel;
  private readonly window: AttentionWindow;
  private marked: number;

  constructor(model: LanguageModel, window: AttentionWindow) {
    this.model = model;
    this.window = window;
    this.tokenizer = model.tokenizer;
    this.positions = model.positions;
    this.marked = window.length;
  }

  get length(): number {
    return this.window.length;
  }

  read(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    return this.model.prefill(this.window, tokens, this.window.length, signal);
  }

  async decode(token: number, best = false): Promise<DecodedToken> {
    // The window may grow behind the run that this is the width of.
    const width = this.window.capacity + 1;
    const wants = { attention: true, best };
    const { logits, attention: weights } = await this.model.decode(this.window, token, this.window.length, wants);
    return { logits, attention: { weights, width } };
  }

  mark(): void {
    this.marked = this.window.length;
  }

  rewind(): void {
    this.window.truncate(this.marked);
  }
}
