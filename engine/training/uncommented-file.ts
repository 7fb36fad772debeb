/** A source file without the comments that questions are made of. */
import type { Definition } from "../ingest/grammar-thread.ts";
import { type DocComment, docCommentOf, withoutFirstParagraph } from "./comments.ts";
import { blankName, firstSentence, type NameWords } from "./summary.ts";

/** A definition and the sentence that described it. */
export interface DescribedDefinition extends Definition {
  /** Without the words of the name, mostly. */
  sentence: string;
}

/** A file's text as it is cut and encoded; lines are those of this text, 1-based. */
export interface UncommentedFile {
  text: string;
  described: DescribedDefinition[];
  /** All definitions in it. */
  definitions: Definition[];
}

/** What decides which comments are taken. */
export interface UncommentOptions {
  /** At most so many comments of one file. */
  limit: number;
  random: () => number;
  /** Whether a sentence has not been taken before; called once for each that is about to be. */
  isNew: (sentence: string) => boolean;
}

/** Of a taken comment's further sentences and tags, this share stays: real code has comments. */
const KEPT_REST = 0.25;
/** How often a sentence keeps the words that its name is made of, as real questions do, and how often a mark stands for them. */
const KEPT_NAME_WORDS = 0.15;
const MARKED_NAME_WORDS = 0.3;
/** Fields have the most comments and the least code. */
const TAKEN_FIELDS = 0.25;
const CHARACTERS_PER_NAME = 3;

interface Taken {
  definition: Definition;
  comment: DocComment;
  sentence: string;
}

/** Takes the comments that describe definitions out of a text. */
export function uncomment(
  text: string,
  definitions: readonly Definition[],
  grammar: string,
  options: UncommentOptions,
): UncommentedFile {
  const lines = text.split(/\r?\n/);
  const taken = takeComments(lines, definitions, grammar, options);
  const { kept, moved } = removeComments(lines, taken, options.random);
  const move = <T extends Definition>(definition: T): T => ({
    ...definition,
    line: (moved[definition.line - 1] ?? 0) + 1,
  });
  return {
    text: kept.join("\n"),
    described: taken.map(({ definition, sentence }) => ({ ...move(definition), sentence })),
    definitions: definitions.map(move),
  };
}

function takeComments(
  lines: readonly string[],
  definitions: readonly Definition[],
  grammar: string,
  { limit, random, isNew }: UncommentOptions,
): Taken[] {
  const taken = new Map<number, Taken>();
  for (const definition of definitions) {
    if (taken.size >= limit) break;
    if (definition.name.length < CHARACTERS_PER_NAME) continue;
    if (definition.kind === "field" && random() >= TAKEN_FIELDS) continue;
    const comment = docCommentOf(lines, definition.line - 1, grammar);
    if (comment === undefined || taken.has(comment.from)) continue;
    const sentence = firstSentence(comment.content);
    if (sentence === undefined || isOnlyBody(lines, definition, comment)) continue;
    const blanked = blankName(sentence, definition.name, nameWordsStyle(random()));
    if (blanked !== undefined && isNew(sentence)) {
      taken.set(comment.from, { definition, comment, sentence: blanked });
    }
  }
  return [...taken.values()].toSorted((a, b) => a.comment.from - b.comment.from);
}

function nameWordsStyle(chance: number): NameWords {
  if (chance < KEPT_NAME_WORDS) return "kept";
  return chance < KEPT_NAME_WORDS + MARKED_NAME_WORDS ? "marked" : "removed";
}

/** Whether a docstring is all that a Python definition consists of. */
function isOnlyBody(lines: readonly string[], definition: Definition, comment: DocComment): boolean {
  if (comment.from < definition.line) return false;
  const indent = (line: string) => line.length - line.trimStart().length;
  const next = lines.slice(comment.to).find((line) => line.trim() !== "") ?? "";
  return indent(next) < indent(lines[comment.from] ?? "");
}

/** The lines that stay, and where each of the old ones is now. */
function removeComments(
  lines: readonly string[],
  taken: readonly Taken[],
  random: () => number,
): { kept: string[]; moved: number[] } {
  const kept: string[] = [];
  const moved: number[] = [];
  let at = 0;
  for (const { comment } of taken) {
    if (comment.from < at) continue;
    for (; at < comment.from; at++) moved[at] = kept.push(lines[at] ?? "") - 1;
    if (random() < KEPT_REST) kept.push(...withoutFirstParagraph(lines, comment));
    for (; at < comment.to; at++) moved[at] = kept.length;
  }
  for (; at < lines.length; at++) moved[at] = kept.push(lines[at] ?? "") - 1;
  return { kept, moved };
}
