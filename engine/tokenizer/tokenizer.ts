import type { TokenizerFiles } from "../models/model-source.ts";
import { createSplitter, type Splitter } from "./added-tokens.ts";
import { fromByteLevel } from "./byte-level.ts";
import { removeGuards } from "./literal-guard.ts";
import { PieceEncoder } from "./piece-encoder.ts";
import { findSpecialTokens } from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer-api.ts";
import { readTokenizerJson, type AddedToken, type TokenizerSpec } from "./tokenizer-json.ts";
import { openLibrary, type LibraryTokenizer } from "./tokenizer-library.ts";

/**
 * The tokenizer of a checkpoint. Lone surrogates become U+FFFD, as in `TextEncoder`.
 *
 * The library gives the normalizer, the pre-tokenizer and BPE. Splitting at added tokens is done here:
 * the library always recognises every one, and a file that contains `<|im_start|>` must stay plain text.
 *
 * @throws RepoMemoryError `model-invalid` or `model-unsupported`.
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const spec = readTokenizerJson(files);
  const { bos, endTokens } = findSpecialTokens(files.config, spec);
  return new BpeTokenizer(spec, bos?.id, endTokens);
}

/** How text is cut at added tokens: at those matched as they are, then, normalized, at the others. */
interface Cutting {
  raw: Splitter;
  normalized: Splitter;
  /** Applied to the text between added tokens. */
  finish: (text: string) => string;
}

function cutting(tokens: readonly AddedToken[], finish: (text: string) => string): Cutting {
  const afterNormalizer = (token: AddedToken): boolean => token.normalized ?? !token.special;
  return {
    raw: createSplitter(tokens.filter((token) => !afterNormalizer(token))),
    normalized: createSplitter(tokens.filter(afterNormalizer)),
    finish,
  };
}

class BpeTokenizer implements Tokenizer {
  readonly vocabulary: number;
  readonly endTokens: ReadonlySet<number>;
  readonly bosToken: number | undefined;
  readonly #spec: TokenizerSpec;
  readonly #library: LibraryTokenizer;
  readonly #pieces: PieceEncoder;
  readonly #plain: Cutting;
  readonly #template: Cutting;
  readonly #added: ReadonlyMap<number, AddedToken>;
  readonly #utf8 = new TextEncoder();

  constructor(spec: TokenizerSpec, bosToken: number | undefined, endTokens: ReadonlySet<number>) {
    this.#spec = spec;
    this.#library = openLibrary(spec.library);
    const { model } = this.#library;
    const controls = spec.addedTokens.filter((token) => token.control && token.id !== model.unk_token_id);
    this.#pieces = new PieceEncoder(model, spec, new Set(controls.map((token) => token.id)));
    this.#plain = cutting(
      spec.addedTokens.filter((token) => !token.control),
      (text) => text,
    );
    this.#template = cutting(spec.addedTokens, removeGuards);
    this.#added = new Map(spec.addedTokens.map((token) => [token.id, token]));
    this.vocabulary = model.vocab.length;
    this.bosToken = bosToken;
    this.endTokens = endTokens;
  }

  encode(text: string): Int32Array {
    return this.#encodeCut(text.toWellFormed(), this.#plain);
  }

  encodeTemplate(text: string): Int32Array {
    return this.#encodeCut(text.toWellFormed(), this.#template);
  }

  decode(ids: readonly number[]): string {
    const bytes = Uint8Array.from(ids.flatMap((id) => [...this.bytes(id)]));
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    return this.#spec.dropsLeadingSpace && text.startsWith(" ") ? text.slice(1) : text;
  }

  bytes(id: number): Uint8Array {
    const added = this.#added.get(id);
    if (added !== undefined) return this.#utf8.encode(added.control ? "" : added.content);
    const text = this.#text(id);
    if (text === undefined) return new Uint8Array();
    if (this.#spec.byteLevel) return fromByteLevel(text);
    const byte = this.#spec.byteFallback ? /^<0x([0-9A-F]{2})>$/.exec(text)?.[1] : undefined;
    return byte === undefined ? this.#utf8.encode(text.replaceAll("▁", " ")) : Uint8Array.of(Number.parseInt(byte, 16));
  }

  #text(id: number): string | undefined {
    return this.#library.model.vocab[id];
  }

  #encodeCut(text: string, cut: Cutting): Int32Array {
    const out: number[] = [];
    for (const [index, section] of cut.raw(text).entries()) {
      const parts = typeof section === "string" ? cut.normalized(this.#normalize(section)) : [section];
      for (const part of parts) {
        if (typeof part === "string") this.#encodeText(cut.finish(part), index, out);
        else out.push(part.id);
      }
    }
    return Int32Array.from(out);
  }

  #normalize(text: string): string {
    return this.#library.normalizer?.normalize(text) ?? text;
  }

  #encodeText(text: string, section: number, out: number[]): void {
    const pieces = this.#library.pre_tokenizer?.pre_tokenize(text, { section_index: section }) ?? [text];
    for (const piece of pieces) this.#pieces.encode(piece, out);
  }
}
