import { RepoMemoryError } from "../protocol/errors.ts";

/** A parsed JSON object. */
export type JsonObject = Record<string, unknown>;

/** GPT-2's pattern (openai/gpt-2 `encoder.py`), which `ByteLevel` with `use_regex` stands for. */
const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * The same pre-tokenizer in steps that the JavaScript library computes as the reference (Rust `tokenizers`) does.
 *
 * Written as `Split`, a pattern keeps the reference's meaning of `\s` (not U+FEFF, but U+0085), and `Digits` its meaning
 * of a digit (all of `\p{N}`); the library's own `ByteLevel` and `Digits` use JavaScript's. A closing `ByteLevel` only
 * splits here: `PieceEncoder` writes the bytes, after its cache.
 *
 * @throws RepoMemoryError `model-unsupported` for a way of splitting that the library lacks.
 */
export function referencePreTokenizer(config: JsonObject | null): JsonObject | null {
  if (config === null) return null;
  const steps = flatten(config).flatMap(referenceSteps);
  return steps.length === 0 ? null : { type: "Sequence", pretokenizers: steps };
}

function flatten(config: JsonObject): JsonObject[] {
  const inner = config["pretokenizers"];
  if (config["type"] !== "Sequence" || !Array.isArray(inner)) return [config];
  return inner.flatMap((step: unknown) => (isObject(step) ? flatten(step) : []));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function referenceSteps(step: JsonObject): JsonObject[] {
  switch (step["type"]) {
    case "ByteLevel":
      if (step["add_prefix_space"] === true) throw unsupported("ByteLevel with add_prefix_space");
      return step["use_regex"] === false ? [] : [isolate(GPT2_PATTERN)];
    case "Digits":
      return [isolate(step["individual_digits"] === true ? String.raw`\p{N}` : String.raw`\p{N}+`)];
    case "Metaspace":
      return step["split"] === false ? [step] : [step, isolate("▁[^▁]*")];
    case "Split":
      return [checkedSplit(step)];
    default:
      return [step];
  }
}

function isolate(pattern: string): JsonObject {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/** Gaps and matches are both kept (isolated), or only the matches (removed and inverted, as tiktoken's files have it). */
function checkedSplit(step: JsonObject): JsonObject {
  const behavior = String(step["behavior"]).toLowerCase();
  if (behavior === "isolated") return { ...step, invert: false };
  if (behavior === "removed" && step["invert"] === true) return step;
  throw unsupported(`Split with behavior ${behavior}`);
}

function unsupported(what: string): RepoMemoryError {
  return new RepoMemoryError("model-unsupported", {
    message: `The model's tokenizer splits text in a way that is not supported: ${what}.`,
    meaning: "Its tokens would differ from those that the model was trained on.",
    remedy: "Choose another model.",
  });
}
