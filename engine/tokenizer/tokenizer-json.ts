import * as v from "valibot";
import type { TokenizerFiles } from "../models/model-source.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import { referencePreTokenizer, type JsonObject } from "./pre-tokenizer.ts";

/** Above the largest published vocabulary (Gemma's 262,144); ids index arrays, so a lie must not make them huge. */
const MAX_TOKEN_ID = 1 << 20;
/** Added tokens are matched by one expression; the largest published list (Gemma's) has about 6,400. */
const MAX_ADDED_TOKENS = 1 << 14;
/** A token's text; the longest published ones are runs of a few hundred spaces. */
const MAX_TOKEN_CHARS = 4096;

const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TOKEN_ID));
const tokenText = v.pipe(v.string(), v.maxLength(MAX_TOKEN_CHARS));
const flag = v.optional(v.boolean(), false);
const step = v.nullish(v.record(v.string(), v.unknown()), null);

const addedToken = v.object({
  id,
  content: v.pipe(tokenText, v.minLength(1)),
  special: flag,
  normalized: v.optional(v.boolean()),
  lstrip: flag,
  rstrip: flag,
});

const bpe = v.looseObject({
  type: v.optional(v.literal("BPE"), "BPE"),
  vocab: v.record(tokenText, id),
  merges: v.array(v.union([v.string(), v.tuple([v.string(), v.string()])])),
  byte_fallback: v.nullish(v.boolean()),
  fuse_unk: v.nullish(v.boolean()),
});

const tokenizerJson = v.object({
  added_tokens: v.nullish(v.pipe(v.array(addedToken), v.maxLength(MAX_ADDED_TOKENS)), []),
  normalizer: step,
  pre_tokenizer: step,
  decoder: step,
  model: bpe,
});

/** A token that is matched in the text as it is, before BPE. */
export interface AddedToken extends v.InferOutput<typeof addedToken> {
  /** Control tokens: never recognised in plain text, never shown. */
  control: boolean;
}

/** The checked parts of a `tokenizer.json` that the pipeline is built from. */
export interface TokenizerSpec {
  addedTokens: AddedToken[];
  /** Token texts to ids, added tokens excluded. */
  vocab: Record<string, number>;
  /** Pieces are written in GPT-2's byte characters before BPE. */
  byteLevel: boolean;
  /** `<0xNN>` tokens stand for single bytes. */
  byteFallback: boolean;
  fuseUnknown: boolean;
  /** Decoding drops one space at the start of a text. */
  dropsLeadingSpace: boolean;
  /** What the library is given. */
  library: JsonObject;
}

/**
 * Markup like `<|fim_prefix|>` steers a model even where a checkpoint forgets to mark it as special (Qwen2.5 does),
 * so all of it counts as control tokens.
 */
const CONTROL_MARKUP = /^<\|.*\|>$/su;

const decoderStep = v.looseObject({
  type: v.string(),
  content: v.optional(v.string()),
  start: v.optional(v.pipe(v.number(), v.integer())),
  prepend_scheme: v.optional(v.string()),
});
const decoderSchema = v.union([v.object({ type: v.literal("Sequence"), decoders: v.array(decoderStep) }), decoderStep]);

type DecoderStep = v.InferOutput<typeof decoderStep>;

function decoderSteps(decoder: JsonObject | null): DecoderStep[] {
  const parsed = v.safeParse(decoderSchema, decoder);
  if (!parsed.success) return [];
  return "decoders" in parsed.output && Array.isArray(parsed.output.decoders)
    ? parsed.output.decoders
    : [parsed.output];
}

/** SentencePiece writes a space before a text; its decoders take it off again. */
function dropsLeadingSpace({ type, content, start, prepend_scheme }: DecoderStep): boolean {
  if (type === "Metaspace") return prepend_scheme !== "never";
  return type === "Strip" && content === " " && (start ?? 0) > 0;
}

/** Ends of a turn or of a text in the published chat formats: ChatML, Llama 3, Phi, Gemma, Llama 2 and Mistral, GPT-2. */
export const END_TOKENS: ReadonlySet<string> = new Set([
  "<|im_end|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end|>",
  "<|end_of_text|>",
  "<end_of_turn>",
  "</s>",
  "<|endoftext|>",
]);

function isControl(token: v.InferOutput<typeof addedToken>): boolean {
  return token.special || CONTROL_MARKUP.test(token.content) || END_TOKENS.has(token.content);
}

/** Checks a tokenizer's files. @throws RepoMemoryError `model-invalid`, or `model-unsupported` when it is not BPE. */
export function readTokenizerJson(files: TokenizerFiles): TokenizerSpec {
  const parsed = v.safeParse(tokenizerJson, files.tokenizer);
  if (!parsed.success) throw badTokenizer(parsed.issues);
  const { model, normalizer, decoder, added_tokens } = parsed.output;
  const steps = decoderSteps(decoder);
  const preTokenizer = referencePreTokenizer(parsed.output.pre_tokenizer);
  return {
    addedTokens: (added_tokens ?? []).map((token) => ({ ...token, control: isControl(token) })),
    vocab: model.vocab,
    byteLevel: steps.some((decode) => decode.type === "ByteLevel"),
    byteFallback: model.byte_fallback === true,
    fuseUnknown: model.fuse_unk === true,
    dropsLeadingSpace: steps.some(dropsLeadingSpace),
    library: {
      added_tokens: added_tokens ?? [],
      normalizer,
      pre_tokenizer: preTokenizer,
      post_processor: null,
      decoder: null,
      model,
    },
  };
}

function badTokenizer(issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): RepoMemoryError {
  const [issue] = issues;
  const field = v.getDotPath(issue) ?? "tokenizer.json";
  if (field === "model.type") {
    return new RepoMemoryError("model-unsupported", {
      message: `The model's tokenizer is of a kind that is not supported: ${issue.received}.`,
      meaning: "Only byte-pair encoding tokenizers are implemented.",
      remedy: "Choose another model.",
    });
  }
  return new RepoMemoryError("model-invalid", {
    message: `The model's tokenizer is damaged: ${field}: ${issue.message}`,
    meaning: "Text cannot be turned into this model's tokens.",
    remedy: "Download the model again, or choose another.",
  });
}
