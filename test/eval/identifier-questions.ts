/** Questions that name an identifier of the corpus and have one exact answer. */
import { basename } from "node:path";
import type { EvalQuestion } from "./eval-question.ts";
import { type FunctionGroup, uniqueDefinitions } from "./definitions.ts";
import type { SourceFacts } from "./source-facts.ts";

/** A mention further down than this is hard to tie to the function, in any memory and in any text. */
const NEAR_LINES = 20;
/** Says nothing about what went wrong, and could be guessed. */
const ANY_ERROR = new Set(["Error", "Exception"]);

/** A question before it has a place in a corpus. */
export type MadeQuestion = Pick<EvalQuestion, "kind" | "subkind" | "question" | "golds" | "answers">;

/** All identifier questions that the corpus allows, by subkind; each list in file order. */
export function identifierQuestions(facts: SourceFacts, groups: readonly FunctionGroup[]): MadeQuestion[][] {
  const unique = groups.filter(({ isUnique, name }) => isUnique && looksLikeCode(name));
  const places = uniqueDefinitions(facts, groups).filter(({ name }) => looksLikeCode(name));
  const lists = [
    valuesOf(facts),
    defaultsOf(unique),
    placesOf(places),
    callsOf(facts, groups, unique),
    raisesOf(unique),
  ];
  return lists.map((list) => list.filter((question) => !saysItsAnswer(question)));
}

/** Made of several words, so that a question says clearly that it means a name. */
export function looksLikeCode(name: string): boolean {
  return /\w_\w|\p{Ll}\p{Lu}|\p{Lu}{2}\p{Ll}/u.test(name);
}

/** `takeUntil` in `takeUntil.ts`, `KIND_LOAD = "load"`: known without any memory. */
function saysItsAnswer({ question, answers }: MadeQuestion): boolean {
  const letters = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return answers.some((answer) => letters(question).includes(letters(answer.replace(/\.\w+$/, ""))));
}

function valuesOf({ constants, functions, classes }: SourceFacts): MadeQuestion[] {
  const others = new Set([...functions, ...classes].map(({ name }) => name));
  const byName = Map.groupBy(constants, ({ name }) => name);
  return [...byName.values()].flatMap(([constant, another], i) => {
    if (constant === undefined || another !== undefined || others.has(constant.name)) return [];
    const { name, value, path, line } = constant;
    if (!looksLikeCode(name)) return [];
    const question = i % 2 === 0 ? `What is the value of ${name}?` : `What is ${name} set to?`;
    return [made("value", question, [value], { path, startLine: line, endLine: line })];
  });
}

function defaultsOf(unique: readonly FunctionGroup[]): MadeQuestion[] {
  return unique.flatMap(({ name, pieces }, i) => {
    const piece = pieces.find(({ defaults }) => defaults.length > 0);
    const [parameter] = piece?.defaults ?? [];
    if (piece === undefined || parameter === undefined) return [];
    const { line, value } = parameter;
    const question =
      i % 2 === 0
        ? `What is the default value of the parameter ${parameter.name} of ${name}?`
        : `Which value does ${parameter.name} have in ${name} when it is not given?`;
    return [made("default", question, [value], { path: piece.path, startLine: line, endLine: line })];
  });
}

function placesOf(unique: ReturnType<typeof uniqueDefinitions>): MadeQuestion[] {
  return unique.map(({ name, golds }, i) => ({
    kind: "identifier",
    subkind: "where",
    question: i % 2 === 0 ? `Where is ${name} defined?` : `In which file is ${name} defined?`,
    golds,
    answers: [...new Set(golds.map(({ path }) => basename(path)))],
  }));
}

/** Functions that are called once in the corpus, near the beginning of a function. */
function callsOf(
  { functions }: SourceFacts,
  groups: readonly FunctionGroup[],
  unique: readonly FunctionGroup[],
): MadeQuestion[] {
  const calls = functions.flatMap((caller) => caller.calls.map((call) => ({ ...call, caller })));
  const byName = Map.groupBy(calls, ({ name }) => name);
  const bodies = new Set(groups.map(({ body }) => body));
  return unique.flatMap(({ name }) => {
    const [call, another] = byName.get(name) ?? [];
    if (call === undefined || another !== undefined) return [];
    const { caller, line } = call;
    if (caller.name === name || line >= caller.lines.first + NEAR_LINES || !bodies.has(caller)) return [];
    return [
      made("calls", `Which function calls ${name}?`, [caller.name], {
        path: caller.path,
        startLine: line,
        endLine: line,
      }),
    ];
  });
}

/** Functions that raise one exception, near their beginning. */
function raisesOf(unique: readonly FunctionGroup[]): MadeQuestion[] {
  return unique.flatMap(({ name, body }) => {
    const [first] = body.raises;
    const isOne = new Set(body.raises.map((each) => each.name)).size === 1;
    if (first === undefined || ANY_ERROR.has(first.name) || !isOne || first.line >= body.lines.first + NEAR_LINES)
      return [];
    const golds = body.raises.map(({ line }) => ({ path: body.path, startLine: line, endLine: line }));
    return [
      {
        kind: "identifier",
        subkind: "raises",
        question: `Which error does ${name} raise?`,
        golds,
        answers: [first.name],
      },
    ];
  });
}

function made(
  subkind: NonNullable<MadeQuestion["subkind"]>,
  question: string,
  answers: string[],
  gold: MadeQuestion["golds"][number],
): MadeQuestion {
  return { kind: "identifier", subkind, question, answers, golds: [gold] };
}
