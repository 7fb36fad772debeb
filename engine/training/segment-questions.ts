/** The questions that a segment's blocks answer. */
import type { Segment } from "../blocks/block.ts";
import type { Definition } from "../ingest/grammar-thread.ts";
import { defaultQuestion, describingQuestion, namingQuestion, valueQuestion } from "./questions.ts";
import type { UncommentedFile } from "./uncommented-file.ts";

/** What a question is made of: a sentence, a name, a constant's name or a parameter's. */
export type QuestionKind = "description" | "name" | "value" | "default";

/** A question with the blocks of its segment that answer it. */
export interface SegmentQuestion {
  question: string;
  kind: QuestionKind;
  /** Of the definition. */
  name: string;
  /** Indices into the segment's blocks; the first holds the definition's name. */
  blocks: number[];
}

type Random = () => number;

/** Where no more of a definition than so many lines stands in its block, the next block answers too. */
const ONLY_THE_START = 2;

/** How many questions with names in them a segment gets: names must stay findable, too. */
const NAMES_PER_SEGMENT = 0.9;
const SHORTEST_NAME = 4;

/** Questions for all described definitions whose names stand in `segment`, and some with names in them. */
export function questionsOf(segment: Segment, file: UncommentedFile, random: Random): SegmentQuestion[] {
  const described = file.described.flatMap(({ sentence, ...definition }) => {
    const blocks = blocksOf(segment, definition);
    const question = describingQuestion(sentence, definition.kind, random);
    return blocks.length === 0 ? [] : [{ question, kind: "description" as const, name: definition.name, blocks }];
  });
  if (described.length === 0 || random() >= NAMES_PER_SEGMENT) return described;
  const named = questionWithName(segment, file, random);
  return named === undefined ? described : [...described, named];
}

function blocksOf({ blocks }: Segment, { line }: Definition): number[] {
  const first = blocks.findIndex(({ startLine, endLine }) => startLine <= line && line <= endLine);
  if (first < 0) return [];
  const inFirst = (blocks[first]?.endLine ?? line) - line + 1;
  return first + 1 < blocks.length && inFirst <= ONLY_THE_START ? [first, first + 1] : [first];
}

function questionWithName(segment: Segment, file: UncommentedFile, random: Random): SegmentQuestion | undefined {
  const here = file.definitions.filter(
    (definition) =>
      definition.name.length >= SHORTEST_NAME &&
      blocksOf(segment, definition).length > 0 &&
      file.definitions.filter(({ name }) => name === definition.name).length === 1,
  );
  const definition = here[Math.floor(random() * here.length)];
  if (definition === undefined) return undefined;
  const { name, kind, line } = definition;
  const blocks = blocksOf(segment, definition).slice(0, 1);
  const text = file.text.split("\n", line).at(-1) ?? "";
  const parameter = parameterWithDefault(text);
  if (isConstant(kind, text)) return { question: valueQuestion(name, random), kind: "value", name, blocks };
  if (parameter !== undefined && isCallable(kind)) {
    return { question: defaultQuestion(parameter, name, random), kind: "default", name, blocks };
  }
  return { question: namingQuestion(name, kind, random), kind: "name", name, blocks };
}

function isConstant(kind: string, line: string): boolean {
  const hasValue = /=\s*(?:[-+]?\d|["'`]|true\b|false\b|True\b|False\b)|#\s*define\s+\w+\s+[\d"(]/.test(line);
  return hasValue && ["constant", "variable", "macro", "field"].includes(kind);
}

function isCallable(kind: string): boolean {
  return kind === "function" || kind === "method";
}

/** The first parameter with a default on a line that declares a function. */
function parameterWithDefault(line: string): string | undefined {
  const parameters = line.slice(line.indexOf("(") + 1);
  return /(?:^|,\s*)([A-Za-z_]\w{2,})\s*(?::[^=,()]+)?=\s*[^=>\s]/.exec(parameters)?.[1];
}
