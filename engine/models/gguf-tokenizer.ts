import type { Fields } from "./fields.ts";
import { GGUF_PRE_TOKENIZERS } from "./gguf-pre-tokenizers.ts";
import { invalidModel, unsupportedModel } from "./invalid-model.ts";
import type { TokenizerFiles } from "./model-source.ts";
import { mergesFromScores } from "./sentencepiece-merges.ts";

// tokenizer.ggml.token_type
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

/** The name in tokenizer_config.json of each special token that a GGUF names by its id. */
const SPECIAL_TOKENS = [
  ["bos_token", "tokenizer.ggml.bos_token_id"],
  ["eos_token", "tokenizer.ggml.eos_token_id"],
  ["eot_token", "tokenizer.ggml.eot_token_id"],
  ["eom_token", "tokenizer.ggml.eom_token_id"],
  ["unk_token", "tokenizer.ggml.unknown_token_id"],
  ["pad_token", "tokenizer.ggml.padding_token_id"],
] as const;

/** The vocabulary of a GGUF: texts and types, by token id. */
interface GgufVocabulary {
  tokens: readonly string[];
  types: readonly number[];
}

/**
 * Rebuilds a model's `tokenizer.json` and `tokenizer_config.json` from the metadata of its GGUF.
 * @param vocabularySize rows of the embedding; a token beyond them could never be looked up
 * @throws RepoMemoryError "model-invalid" naming the key that is wrong; "model-unsupported" for other kinds of tokenizers
 */
export function tokenizerFromGguf(metadata: Fields, vocabularySize: number): TokenizerFiles {
  const vocabulary = readVocabulary(metadata, vocabularySize);
  const kind = metadata.string("tokenizer.ggml.model");
  if (kind !== "gpt2" && kind !== "llama") throw unsupportedModel(metadata.path, `the tokenizer "${kind}"`);
  const special = readSpecialTokens(metadata, vocabulary.tokens);
  const pipeline = kind === "gpt2" ? byteLevelPipeline(metadata) : sentencePiecePipeline(metadata, vocabulary, special);
  const config: Record<string, unknown> = {
    ...special,
    add_bos_token: metadata.boolean("tokenizer.ggml.add_bos_token", kind === "llama"),
    add_eos_token: metadata.boolean("tokenizer.ggml.add_eos_token", false),
    clean_up_tokenization_spaces: false,
  };
  if (metadata.has("tokenizer.chat_template")) config["chat_template"] = metadata.string("tokenizer.chat_template");
  const { model, ...steps } = pipeline;
  const tokenizer = {
    version: "1.0",
    added_tokens: addedTokens(vocabulary),
    ...steps,
    post_processor: null,
    // fromEntries defines properties, so a token "__proto__" is a token like any other.
    model: { type: "BPE", ...model, vocab: Object.fromEntries(vocabulary.tokens.map((token, id) => [token, id])) },
  };
  return { tokenizer, config };
}

/** The parts of a tokenizer.json that differ between the two kinds. */
interface Pipeline {
  normalizer: unknown;
  pre_tokenizer: unknown;
  decoder: unknown;
  model: Record<string, unknown>;
}

/** GPT-2's kind: text is cut by expressions, its bytes are written as printable characters, merges are listed. */
function byteLevelPipeline(metadata: Fields): Pipeline {
  const name = metadata.string("tokenizer.ggml.pre", "default");
  const pre = GGUF_PRE_TOKENIZERS.get(name);
  if (pre === undefined) throw unsupportedModel(metadata.path, `the pre-tokenizer "${name}"`);
  return {
    normalizer: pre.nfc === true ? { type: "NFC" } : null,
    pre_tokenizer: { type: "Sequence", pretokenizers: pre.steps },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      unk_token: null,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges ?? false,
      merges: metadata.strings("tokenizer.ggml.merges"),
    },
  };
}

/** Llama 2's kind: spaces become U+2581, pieces merge by score, what is in no piece is written as bytes. */
function sentencePiecePipeline(
  metadata: Fields,
  vocabulary: GgufVocabulary,
  special: Record<string, string>,
): Pipeline {
  const space = "\u2581";
  const prefixed = metadata.boolean("tokenizer.ggml.add_space_prefix", true);
  const decoders: unknown[] = [
    { type: "Replace", pattern: { String: space }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
  ];
  if (prefixed) decoders.push({ type: "Strip", content: " ", start: 1, stop: 0 });
  return {
    normalizer: null,
    pre_tokenizer: {
      type: "Metaspace",
      replacement: space,
      prepend_scheme: prefixed ? "first" : "never",
      split: false,
    },
    decoder: { type: "Sequence", decoders },
    model: {
      unk_token: special["unk_token"] ?? null,
      byte_fallback: true,
      fuse_unk: true,
      ignore_merges: false,
      merges: sentencePieceMerges(metadata, vocabulary.tokens),
    },
  };
}

function sentencePieceMerges(metadata: Fields, tokens: readonly string[]): unknown {
  if (metadata.has("tokenizer.ggml.merges")) return metadata.strings("tokenizer.ggml.merges");
  const scores = metadata.numbers("tokenizer.ggml.scores");
  requireLength(metadata, "tokenizer.ggml.scores", scores.length, tokens.length);
  return mergesFromScores(tokens, scores);
}

function readVocabulary(metadata: Fields, vocabularySize: number): GgufVocabulary {
  const tokens = metadata.strings("tokenizer.ggml.tokens");
  if (tokens.length > vocabularySize) {
    throw invalidModel(
      metadata.path,
      "tokenizer.ggml.tokens",
      `has ${tokens.length} tokens for ${vocabularySize} embeddings`,
    );
  }
  if (!metadata.has("tokenizer.ggml.token_type")) return { tokens, types: tokens.map(() => NORMAL) };
  const types = metadata.numbers("tokenizer.ggml.token_type");
  requireLength(metadata, "tokenizer.ggml.token_type", types.length, tokens.length);
  return { tokens, types };
}

function requireLength(metadata: Fields, key: string, length: number, expected: number): void {
  if (length !== expected) throw invalidModel(metadata.path, key, `has ${length} entries for ${expected} tokens`);
}

function readSpecialTokens(metadata: Fields, tokens: readonly string[]): Record<string, string> {
  const special: Record<string, string> = {};
  for (const [name, key] of SPECIAL_TOKENS) {
    if (!metadata.has(key)) continue;
    const token = tokens[metadata.integer(key, { min: 0, max: tokens.length - 1 })];
    if (token !== undefined) special[name] = token;
  }
  return special;
}

/** Control tokens and what the file's author defined are matched in the text as they stand, never merged. */
function addedTokens({ tokens, types }: GgufVocabulary): unknown[] {
  const added: unknown[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types[id];
    if (type !== CONTROL && type !== USER_DEFINED && type !== UNKNOWN) continue;
    if (content === "") continue;
    const special = type !== USER_DEFINED;
    added.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special });
  }
  return added;
}
