/** Text to token ids and back, for one model. Implemented by `tokenizer.ts`. */
export interface Tokenizer {
  readonly vocabulary: number;
  /** Ids of plain text: no special token is added, and none is recognised inside `text`. */
  encode(text: string): Int32Array;
  /** Ids of a rendered chat template: special tokens written in it become their ids. */
  encodeTemplate(text: string): Int32Array;
  /** Text of `ids`; special tokens are left out. */
  decode(ids: readonly number[]): string;
  /** The bytes that one token stands for (an incomplete UTF-8 sequence where the token is one); empty for specials. */
  bytes(id: number): Uint8Array;
  /** Tokens at which generation ends: the template's end of turn, EOS and their kin. */
  readonly endTokens: ReadonlySet<number>;
  readonly bosToken: number | undefined;
}

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}
