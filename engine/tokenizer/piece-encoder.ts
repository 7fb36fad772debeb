import { toByteLevel } from "./byte-level.ts";
import type { TokenizerSpec } from "./tokenizer-json.ts";
import type { BpeModel } from "./tokenizer-library.ts";

/** Pieces that are remembered; source code repeats a few ten thousand. About 10 MB when full. */
const CACHED_PIECES = 1 << 16;
/** Longer pieces hardly ever come again. */
const CACHED_CHARS = 64;
/** SentencePiece's stand-in for a space, where a piece may be cut when no token has one inside. */
const WORD_START = /(?<=[^▁])(?=▁)/u;

/**
 * Byte-pair encoding of pre-tokenised pieces, each looked up in a bounded cache first. The library's own cache sits
 * behind the conversion to byte characters and to token texts, which cost most of the time.
 */
export class PieceEncoder {
  readonly #model: BpeModel;
  readonly #byteLevel: boolean;
  readonly #cutWords: boolean;
  readonly #forbidden: ReadonlySet<number>;
  readonly #cache = new Map<string, readonly number[]>();

  /** `forbidden`: control tokens, which no text may be merged into. */
  constructor(model: BpeModel, spec: TokenizerSpec, forbidden: ReadonlySet<number>) {
    this.#model = model;
    this.#byteLevel = spec.byteLevel;
    this.#forbidden = forbidden;
    this.#cutWords = mergesStayInWords(spec);
  }

  /** Appends the ids of `piece` to `out`. */
  encode(piece: string, out: number[]): void {
    if (!this.#cutWords) return this.#encodeWord(piece, out);
    for (const word of piece.split(WORD_START)) this.#encodeWord(word, out);
  }

  #encodeWord(word: string, out: number[]): void {
    let ids = this.#cache.get(word);
    if (ids === undefined) {
      ids = this.#merge(word);
      if (word.length <= CACHED_CHARS) this.#remember(word, ids);
    }
    for (const id of ids) out.push(id);
  }

  #remember(word: string, ids: readonly number[]): void {
    if (this.#cache.size >= CACHED_PIECES) this.#cache.clear();
    this.#cache.set(word, ids);
  }

  /** Merges may spell a control token out of plain text (SentencePiece's `</s>`): such a word is encoded in halves. */
  #merge(word: string): number[] {
    const ids = this.#mergeAll(word);
    if (!ids.some((id) => this.#forbidden.has(id))) return ids;
    const chars = Array.from(word);
    if (chars.length < 2) return ids;
    const middle = chars.length >> 1;
    return [chars.slice(0, middle), chars.slice(middle)].flatMap((half) => this.#merge(half.join("")));
  }

  /** As in the reference, text without a token is left out where the vocabulary has none for unknown text. */
  #mergeAll(word: string): number[] {
    const texts = this.#model.encode([this.#byteLevel ? toByteLevel(word) : word]);
    const ids = texts.map((text) => this.#model.tokens_to_ids.get(text) ?? this.#model.unk_token_id);
    return ids.filter((id) => id !== undefined);
  }
}

/**
 * Whether no merge can join the end of a word with the next word's "▁": then cutting there changes nothing, and a
 * SentencePiece model, which takes whole texts as one piece, becomes linear and cacheable.
 */
function mergesStayInWords(spec: TokenizerSpec): boolean {
  if (spec.byteLevel || (spec.fuseUnknown && !spec.byteFallback)) return false;
  return Object.keys(spec.vocab).every((token) => token.search(WORD_START) < 0);
}
