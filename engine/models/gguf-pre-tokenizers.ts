// How text is cut before BPE, by `tokenizer.ggml.pre`: the expressions of llama.cpp's llama-vocab.cpp, each applied to
// the pieces that the one before it left, in the words of a tokenizer.json.

/** A step of a `pre_tokenizer` in a tokenizer.json. */
type PreTokenizerStep = Readonly<Record<string, unknown>>;

/** How one family of vocabularies cuts text. */
export interface GgufPreTokenizer {
  steps: readonly PreTokenizerStep[];
  /** A piece that is a token as it stands is not merged anew. */
  ignoreMerges?: boolean;
  /** The vocabulary was made from NFC text, and the reference tokenizer normalises to it. */
  nfc?: boolean;
}

const BYTES: PreTokenizerStep = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const GPT2: PreTokenizerStep = { ...BYTES, use_regex: true };
const DIGITS: PreTokenizerStep = { type: "Digits", individual_digits: true };

const LLAMA3_PATTERN = tiktokenPattern("{1,3}");
const QWEN2_PATTERN = tiktokenPattern("");

const MISTRAL_TEKKEN_PATTERN = [
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`,
  String.raw`\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
].join("|");

/** llama.cpp's fallback for files that name no pre-tokenizer. */
const DEFAULT_STEPS: readonly PreTokenizerStep[] = [
  split(String.raw`[\p{P}\$\+<=>\^~\|]+`),
  split(String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`),
  split(String.raw`\p{N}+`),
  split("[0-9][0-9][0-9]"),
  BYTES,
];

const DEEPSEEK_CODER_STEPS: readonly PreTokenizerStep[] = [
  split(String.raw`[\r\n]`),
  split(String.raw`\s?\p{L}+`),
  split(String.raw`\s?\p{P}+`),
  split("[一-龥ࠀ-一가-퟿]+"),
  split(String.raw`\p{N}`),
  BYTES,
];

const LLAMA3: GgufPreTokenizer = { steps: [split(LLAMA3_PATTERN), BYTES], ignoreMerges: true };
const QWEN2: GgufPreTokenizer = { steps: [split(QWEN2_PATTERN), BYTES], nfc: true };
const SINGLE_DIGITS: GgufPreTokenizer = { steps: [DIGITS, GPT2] };
const PLAIN_GPT2: GgufPreTokenizer = { steps: [GPT2] };

/** By the value of `tokenizer.ggml.pre`. */
export const GGUF_PRE_TOKENIZERS: ReadonlyMap<string, GgufPreTokenizer> = new Map([
  ["default", { steps: DEFAULT_STEPS }],
  ["gpt-2", PLAIN_GPT2],
  ["phi-2", PLAIN_GPT2],
  ["olmo", PLAIN_GPT2],
  ["smollm", SINGLE_DIGITS],
  ["starcoder", SINGLE_DIGITS],
  ["refact", SINGLE_DIGITS],
  ["codeshell", SINGLE_DIGITS],
  ["exaone", SINGLE_DIGITS],
  ["command-r", SINGLE_DIGITS],
  ["llama-bpe", LLAMA3],
  ["llama3", LLAMA3],
  ["llama-v3", LLAMA3],
  ["falcon3", LLAMA3],
  ["dbrx", { steps: LLAMA3.steps }],
  ["smaug-bpe", { steps: LLAMA3.steps }],
  ["qwen2", QWEN2],
  ["deepseek-r1-qwen", QWEN2],
  ["megrez", QWEN2],
  ["tekken", { steps: [split(MISTRAL_TEKKEN_PATTERN), BYTES], ignoreMerges: true }],
  ["deepseek-coder", { steps: DEEPSEEK_CODER_STEPS }],
]);

/** The pattern of OpenAI's cl100k, with how many digits go together as the one difference between its users. */
function tiktokenPattern(digits: string): string {
  return [
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}`,
    String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ].join("");
}

function split(pattern: string): PreTokenizerStep {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}
