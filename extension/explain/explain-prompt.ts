/** What a model is asked to explain a symbol: short and in fixed parts, so that a small one keeps to the matter. */
import type { AskParams, LineRange } from "../../engine/protocol/requests.ts";
import type { SymbolFacts, Use } from "./symbol-facts.ts";

/** What is to be explained. */
export interface ExplainTarget {
  /** The symbol's name; undefined for lines that name nothing. */
  name: string | undefined;
  /** "function", "class", …; undefined where nobody knows. */
  kind: string | undefined;
  /** The code itself. */
  selection: NonNullable<AskParams["selection"]>;
}

/** Characters of the code that are read as text, besides its blocks. */
const MOST_CODE = 3_000;

/**
 * The model's question and the beginnings of its answer's parts. Places are written by us, so they are true whatever the model
 * is; what it adds is prose. The answer stays in English, as the model is asked in English.
 */
export function explainPrompt(
  target: ExplainTarget,
  facts: SymbolFacts,
): Required<Pick<AskParams, "question" | "parts" | "ranges" | "selection">> {
  const { name, kind, selection } = target;
  const subject = name === undefined ? "The selected code" : `\`${name}\``;
  const question = `Explain ${name === undefined ? "the selected code" : subject}: what it is, where it comes from, who uses it and how, and what would break if it changed.`;
  const [first] = facts.uses;
  const what = `**What it is**\n\n${subject} is${kind === undefined ? "" : ` ${article(kind)} ${kind} that`}`;
  const from = `**Where it comes from**\n\n${origin(subject, facts, selection)}`;
  const users = `**Who uses it, and how**\n\n${usersOf(subject, facts)}`;
  const breaks = `**What would break**\n\nIf ${subject} changed, ${first ? nameOf(first) : "code that relies on it"} would`;
  const parts = first
    ? [what, `\n\n${from}\n\n${users}\n\n${nameOf(first)} uses it to`, `\n\n${breaks}`]
    : [what, `\n\n${from}\n\n${users}\n\n${breaks}`];
  return {
    question,
    parts,
    ranges: [
      ...facts.definitions.slice(0, 1),
      rangeOf(selection),
      ...facts.uses.map(rangeOf),
      ...facts.definitions.slice(1),
    ],
    selection: { ...selection, text: selection.text.slice(0, MOST_CODE) },
  };
}

function origin(subject: string, { definitions }: SymbolFacts, selection: LineRange): string {
  if (definitions.length === 0)
    return `${subject} stands in ${placeOf(selection)}; a definition elsewhere was not found.`;
  return `${subject} is defined in ${definitions.map(placeOf).join(" and ")}.`;
}

function usersOf(subject: string, { uses }: SymbolFacts): string {
  if (uses.length === 0) return `Nothing else was found that uses ${subject}.`;
  return uses.map((use) => `- ${use.inside === undefined ? "" : `\`${use.inside}\` in `}${placeOf(use)}`).join("\n");
}

function nameOf({ inside, ...place }: Use): string {
  return inside === undefined ? placeOf(place) : `\`${inside}\``;
}

function placeOf({ path, startLine }: LineRange): string {
  return `\`${path}:${startLine}\``;
}

function rangeOf({ path, startLine, endLine }: LineRange): LineRange {
  return { path, startLine, endLine };
}

function article(noun: string): string {
  return /^[aeiou]/i.test(noun) ? "an" : "a";
}
