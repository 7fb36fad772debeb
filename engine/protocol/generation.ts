/** Calls to the bare model, without any memory: what goes in, what comes out. Types only. */

/** How the next token is chosen. All optional: greedy by default. */
export interface SamplingOptions {
  /** 0 = greedy. */
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  seed?: number;
}

/** One message of a chat, as plain text: nothing in it is read as a control token. */
export interface ChatMessage {
  role: "system" | "user" | "assistant";
  text: string;
}

/** A chat that the model continues. */
export interface GenerateParams extends SamplingOptions {
  /** Oldest first, one of the user's among them; system messages are taken together at the beginning. */
  messages: ChatMessage[];
  /** Tokens that may be generated; by default, as many as the window has left. */
  maxTokens?: number;
  /** Texts at which generation ends; they are not part of the answer. */
  stop?: string[];
}

export interface GenerateResult {
  text: string;
  tokens: { prompt: number; generated: number };
  timing: { firstTokenMs: number; totalMs: number };
  /** Why generation ended. */
  finish: "stop" | "length" | "cancelled";
}

/** What `generate` tells while it works: `token` many times, `end` once. */
export type GenerateEvent = { type: "token"; text: string } | { type: "end"; result: GenerateResult };

export interface CountTokensParams {
  texts: string[];
}

export interface CountTokensResult {
  /** Tokens of each text, by the model's own tokenizer. */
  counts: number[];
  /** What the chat template adds to each message, in tokens. */
  perMessage: number;
  /** The model that counted; its `windowTokens` bounds prompt and answer together. */
  model: ModelLimits;
}

/** What a model can take in one call. */
export interface ModelLimits {
  name: string;
  architecture: string;
  /** Tokens of prompt and answer together. */
  windowTokens: number;
}
