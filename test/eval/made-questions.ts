/** A corpus's made questions, the same from the same files, and the files without the comments that were asked from. */
import type { LineRange } from "../../engine/protocol/requests.ts";
import { seededRandom } from "../support/random.ts";
import { groupFunctions } from "./definitions.ts";
import { type DescribeQuestion, describeQuestions } from "./describe-questions.ts";
import { identifierQuestions, type MadeQuestion } from "./identifier-questions.ts";
import { type Lines, type SourceFacts, sourceFacts } from "./source-facts.ts";

const SEED = 4;
const IDENTIFIER_QUESTIONS = 60;
const DESCRIBE_QUESTIONS = 45;
/** Spreads descriptions over the files. */
const DESCRIBED_IN_A_FILE = 4;

/** What a corpus consists of once its questions are made. */
export interface QuestionedFiles {
  files: Map<string, string>;
  /** Places are those of `files`. */
  questions: MadeQuestion[];
}

/** Chooses questions and deletes the comments of the functions that are described. */
export async function makeQuestions(sources: ReadonlyMap<string, string>): Promise<QuestionedFiles> {
  const facts = await allFacts(sources);
  const groups = groupFunctions(facts);
  const random = seededRandom(SEED);
  const described = spread(shuffle(describeQuestions(groups), random)).slice(0, DESCRIBE_QUESTIONS);
  const identifiers = inTurn(identifierQuestions(facts, groups).map((list) => shuffle(list, random)));
  const comments = described.flatMap(({ group }) =>
    group.pieces.flatMap(({ path, comment }) => (comment === undefined ? [] : [{ path, lines: comment.lines }])),
  );
  const removed = Map.groupBy(comments, ({ path }) => path);
  const gone = (path: string): Lines[] => (removed.get(path) ?? []).map(({ lines }) => lines);
  return {
    files: new Map([...sources].map(([path, text]) => [path, withoutLines(text, gone(path))])),
    questions: [...identifiers.slice(0, IDENTIFIER_QUESTIONS), ...described.map(({ made }) => made)].map(
      (question) => ({ ...question, golds: question.golds.map((gold) => moved(gold, gone(gold.path))) }),
    ),
  };
}

async function allFacts(sources: ReadonlyMap<string, string>): Promise<SourceFacts> {
  const all: SourceFacts = { functions: [], classes: [], constants: [] };
  for (const [path, text] of sources) {
    const { functions, classes, constants } = await sourceFacts(path, text);
    all.functions.push(...functions);
    all.classes.push(...classes);
    all.constants.push(...constants);
  }
  return all;
}

/** A text without some of its lines. */
export function withoutLines(text: string, gone: readonly Lines[]): string {
  const lines = text.split("\n");
  return lines.filter((_, i) => !gone.some(({ first, last }) => first <= i + 1 && i + 1 <= last)).join("\n");
}

/** Where a place lies once lines above it and inside it are gone. */
export function moved({ path, startLine, endLine }: LineRange, gone: readonly Lines[]): LineRange {
  const goneUpTo = (line: number): number =>
    gone.reduce((sum, { first, last }) => sum + Math.max(0, Math.min(line, last) - first + 1), 0);
  return { path, startLine: startLine - goneUpTo(startLine - 1), endLine: endLine - goneUpTo(endLine) };
}

/** In a random order. */
function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}

/** One of each list in turn, so that rare kinds are not drowned by frequent ones. */
function inTurn<T>(lists: readonly T[][]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}

function spread(questions: readonly DescribeQuestion[]): DescribeQuestion[] {
  const taken = new Map<string, number>();
  return questions.filter(({ group }) => {
    const already = taken.get(group.body.path) ?? 0;
    taken.set(group.body.path, already + 1);
    return already < DESCRIBED_IN_A_FILE;
  });
}
