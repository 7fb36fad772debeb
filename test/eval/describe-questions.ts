/** Questions that describe a function in its author's words, without its name: from a comment that the corpus then lacks. */
import { nameWords, questionWords } from "../../engine/retrieval/words.ts";
import type { FunctionGroup } from "./definitions.ts";
import { looksLikeCode, type MadeQuestion } from "./identifier-questions.ts";
import type { SourceFunction } from "./source-facts.ts";

/** What stands for a word of the name; no word itself, so no look-up goes by it. */
const BLANK = "…";
const FEWEST_WORDS = 5;
const MOST_WORDS = 40;
/** Shorter bodies say too little to be recognised. */
const FEWEST_LINES = 3;
const SHORTEST_NAME = 3;

/** A question with the function whose comments must go. */
export interface DescribeQuestion {
  made: MadeQuestion;
  group: FunctionGroup;
}

/** All descriptions that only one function of the corpus has, in file order. */
export function describeQuestions(groups: readonly FunctionGroup[]): DescribeQuestion[] {
  const made = groups.flatMap((group) => {
    const sentence = group.pieces.map(({ comment }) => firstSentence(comment)).find((text) => text !== "");
    if (sentence === undefined || group.body.bodyLines < FEWEST_LINES || group.name.length < SHORTEST_NAME) return [];
    const description = blankName(sentence, group.name);
    return isTelling(description) ? [{ group, description }] : [];
  });
  const times = Map.groupBy(made, ({ description }) => questionWords(description).join(" "));
  return [...times.values()].flatMap(([only, another]) => {
    if (only === undefined || another !== undefined) return [];
    const { group, description } = only;
    const question = `Which function does this? ${description}`;
    // A name like "set" stands in any answer.
    const answers = looksLikeCode(group.name) ? [group.name] : [];
    return [{ made: { kind: "describe", question, golds: group.golds, answers }, group }];
  });
}

/** The first sentence of a docstring or comment as plain text; "" where it has none. */
export function firstSentence(comment: SourceFunction["comment"]): string {
  const plain = (comment?.text ?? "")
    .replace(/^[rR]?"""|"""$|^\/\*\*?|\*\/$/g, "")
    .replace(/^[ \t]*(?:\/\/+|\*)[ \t]?/gm, "")
    .split(/\n\s*(?:\n|@|:\w+ ?\w*:|\.\. |REQUIRES)/)
    .find((paragraph) => paragraph.trim() !== "");
  const text = (plain ?? "")
    .replace(/:[\w:]+:`[~!]?([^`<]*?)(?:\s*<[^`]*>)?`/g, (_, target: string) => target.split(".").at(-1) ?? "")
    .replace(/\{@link\s+([^}]*)\}/g, "$1")
    .replace(/<\/?\w[^>]*>|[`*]/g, "")
    .replace(/\s+/g, " ")
    .trim();
  return /^(.+?(?<!\b(?:e\.g|i\.e|etc|vs))[.!?:])(?:\s|$)/.exec(text)?.[1] ?? text;
}

/** The sentence with every word blanked that the name is made of, in any inflection, and every identifier that has one. */
export function blankName(sentence: string, name: string): string {
  const stems = new Set(
    nameWords(name)
      .filter((word) => word.length >= SHORTEST_NAME)
      .map(stem),
  );
  return sentence.replace(/[\p{L}\p{N}_]+/gu, (word) => {
    const parts = [word.toLowerCase(), ...nameWords(word)];
    return word.toLowerCase() === name.toLowerCase() || parts.some((part) => stems.has(stem(part))) ? BLANK : word;
  });
}

/** "renders", "rendering", "renderer" -> "render"; good enough to know a word again. */
function stem(word: string): string {
  const cut = word
    .replace(/(?<=\w{3})(?:ations?|ions?|ings?|ers?|ors?|ed|es|s)$/, "")
    .replace(/(?<=\w{2})(?:e|y|i)$/, "");
  return cut.replace(/([bdgklmnprt])\1$/, "$1");
}

function isTelling(description: string): boolean {
  const words = questionWords(description);
  if (words.length < FEWEST_WORDS || description.split(" ").length > MOST_WORDS) return false;
  // Comments of a group of declarations, and notes to colleagues, describe no function.
  return !/deprecated|\b(?:todo|fixme|internal|copyright|note|implementations? of|methods|functions|see)\b/i.test(
    description,
  );
}
