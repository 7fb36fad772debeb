/** From a comment to one plain sentence that describes the code without naming it. */
import { nameWords } from "../retrieval/words.ts";
import { firstParagraph } from "./comments.ts";

const WORDS = { min: 4, max: 32 };
/** Words that carry meaning have this many letters; a sentence needs some of them. */
const MEANINGFUL_LETTERS = 4;
const MEANINGFUL_WORDS = 3;
/** Words with code in them that may be left out of a sentence before it makes no sense any more. */
const MAX_CODE_WORDS = 1;

/** Comments about the file, its authors or its state, and not about what the code does. */
const UNFIT =
  /copyright|licen[sc]e|\bspdx\b|\bauthors?\b|eslint|prettier|istanbul|pylint|\bnoqa\b|clang-format|\bnolint\b|\btodo\b|\bfixme\b|\bxxx\b|\bhack\b|https?:|\bdeprecated\b|all rights reserved|auto-?generated|do not edit|\binheritdoc\b/i;

const CODE = /[(){}<>=_[\]|\\;#$%&^~"@+*]|--|::|\w\.\w|\p{Ll}\p{Lu}|\d\w*\.|\//u;

/** The first sentence of a comment, without markup; undefined where there is none that describes code. */
export function firstSentence(content: readonly string[]): string | undefined {
  const { from, to } = firstParagraph(content);
  const paragraph = content.slice(from, to).join(" ").replace(/\s+/g, " ").trim();
  if (paragraph === "" || UNFIT.test(paragraph)) return undefined;
  const plain = withoutMarkup(paragraph);
  const [sentence = ""] = plain.split(/(?<=[\p{L}\d)][.!?])(?=\s+[\p{Lu}(]|\s*$)|[:;](?=\s|$)/u);
  return sentence.replace(/[\s.,:;!?]+$/, "").trim() || undefined;
}

function withoutMarkup(text: string): string {
  return text
    .replace(/^[@\\](?:brief|short|description|desc|summary)\s+/i, "")
    .replace(/\{@\w+\s+([^}|]*)(?:\|([^}]*))?\}/g, (_, target: string, label?: string) => label ?? target)
    .replace(/<\/?[a-z][^>]*>/gi, "")
    .replace(/\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?/g, "$1")
    .replace(/:\w+:`~?([^`]*)`/g, "$1")
    .replace(/\*\*|`+/g, "")
    .replace(/\b(?:e\.g|i\.e)\.,?/gi, "such as")
    .replace(/\s*\([^()]*\)/g, "")
    .replace(/(^|\s)["'“”‘’]+|["'“”‘’]+(?=[\s.,:;]|$)/g, "$1");
}

/** What becomes of the words that a name is made of: they go, a sign stands for them, or they stay. */
export type NameWords = "removed" | "marked" | "kept";

const MARK = "…";

/**
 * A sentence without the words that `name` is made of (in any of their forms) and without code; undefined where too little is
 * left, or too much code was in it. The name as a whole goes in any case.
 */
export function blankName(sentence: string, name: string, nameWordsAre: NameWords): string | undefined {
  if (/[^\p{ASCII}]/u.test(sentence)) return undefined;
  const stems = new Set(nameWordsAre === "kept" ? [] : nameWords(name).map(stem));
  const whole = name.toLowerCase();
  const isOfName = (word: string): boolean => {
    const parts = nameWords(word.replace(/[^\w]+/g, "_"));
    return word.replace(/\W/g, "").toLowerCase() === whole || parts.some((part) => stems.has(stem(part)));
  };
  const words = sentence.split(" ");
  const others = words.filter((word) => !isOfName(word));
  const plain = others.filter((word) => !isCode(word));
  if (others.length - plain.length > MAX_CODE_WORDS) return undefined;
  const meaningful = plain.filter((word) => word.length >= MEANINGFUL_LETTERS).length;
  if (plain.length < WORDS.min || plain.length > WORDS.max || meaningful < MEANINGFUL_WORDS) return undefined;
  const marked = words.map((word) => (isOfName(word) ? MARK : word)).filter((word) => !isCode(word));
  const blanked = tidy((nameWordsAre === "marked" ? marked : plain).join(" "));
  return isCommentedOut(blanked) ? undefined : blanked;
}

function isCode(word: string): boolean {
  return CODE.test(word.replace(/[.,:;!?']+$/, ""));
}

/** Mends what blanking leaves: two articles in a row, an article before a preposition, small words at the end. */
function tidy(text: string): string {
  return text
    .replace(/\b(?:the|an?|this)(?=,? (?:the|an?|this|of|to|for|in|with|and|or|is|that)\b)/gi, "")
    .replace(/(?:[\s,.:;-]+(?:the|an?|this|of|to|for|in|with|and|or|from|by|as|on|at|its))+$/i, "")
    .replace(/^[\s,.:;-]+|[\s,.:;-]+$/g, "")
    .replace(/\s+/g, " ");
}

/** A word without its ending, near enough to see that two words are forms of one. */
function stem(word: string): string {
  const lower = word.toLowerCase();
  for (const ending of ["ing", "ies", "ers", "ed", "es", "er", "or", "s", "e", "y"]) {
    if (lower.endsWith(ending) && lower.length - ending.length >= 3) return lower.slice(0, -ending.length);
  }
  return lower;
}

function isCommentedOut(text: string): boolean {
  return (
    /^(?:if|for|while|return|const|let|var|import|else|case)\b(?!\w)/.test(text) && !/ (?:the|a|an|is|are) /.test(text)
  );
}
