/** Questions that the workspace answers, mixed with questions that nothing in it answers. */
import { randomChoice, seededRandom } from "../support/random.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { shuffled } from "./haystack.ts";

/** A question and whether its answer is there. */
export interface AbstainCase {
  question: string;
  source: "answerable" | "other corpus" | "invented";
}

const VERBS = "braid ferment varnish knit polish ferry whittle glaze thresh quilt".split(" ");
const NOUNS = "walnut gondola trellis anvil saddle bobbin kettle spindle barrel cobble".split(" ");

/**
 * `count` of each source, in random order. Questions for another corpus count only where this one has none of their names;
 * invented ones are answerable questions with the name exchanged.
 */
export function abstainCases(
  own: readonly Pick<EvalQuestion, "question">[],
  others: readonly Pick<EvalQuestion, "question">[],
  text: string,
  { count, seed }: { count: number; seed: number },
): AbstainCase[] {
  const random = seededRandom(seed);
  const words = new Set(text.match(/\w+/g));
  const isHere = (name: string) => words.has(name);
  const named = shuffled(random, own).filter(({ question }) => codeNames(question).some(isHere));
  const strange = shuffled(random, others).filter(({ question }) => {
    const names = codeNames(question);
    return names.length > 0 && !names.some(isHere);
  });
  const invented = named.slice(count, 2 * count).map(({ question }) => {
    const exchanged = new Map(codeNames(question).map((name) => [name, invent(random, name, isHere)]));
    return { question: question.replace(/\w+/g, (word) => exchanged.get(word) ?? word) };
  });
  const mark = (questions: readonly { question: string }[], source: AbstainCase["source"]) =>
    questions.slice(0, count).map(({ question }) => ({ question, source }));
  return shuffled(random, [
    ...mark(named, "answerable"),
    ...mark(strange, "other corpus"),
    ...mark(invented, "invented"),
  ]);
}

/** Words that are names in code: made of several words. */
export function codeNames(question: string): string[] {
  return question.match(/\b(?:\w*[A-Za-z\d]_\w+|\w*[a-z][A-Z]\w*|[A-Z]{2}\w*[a-z]\w*)\b/g) ?? [];
}

/** A name of the same style that is nowhere. */
function invent(random: () => number, name: string, isTaken: (name: string) => boolean): string {
  for (;;) {
    const [verb, noun] = [randomChoice(random, VERBS), randomChoice(random, NOUNS)];
    const made = styled(name, verb, noun);
    if (!isTaken(made)) return made;
  }
}

function styled(name: string, verb: string, noun: string): string {
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  if (/^[A-Z\d_]+$/.test(name)) return `${verb}_${noun}`.toUpperCase();
  if (name.includes("_")) return `${verb}_${noun}`;
  return /^[A-Z]/.test(name) ? capital(verb) + capital(noun) : verb + capital(noun);
}

/** Whether an answer says in words that the answer is not there. */
export function saysNotFound(answer: string): boolean {
  return /(?:\b(?:not|no|nothing|none|unable|unknown)|n't)\b[^.]{0,60}\b(?:found|find|finds?|mention\w*|contain\w*|defin\w*|provid\w*|information|specif\w*|exist\w*|appear\w*|know|answers?|available|memory)\b/i.test(
    answer,
  );
}
