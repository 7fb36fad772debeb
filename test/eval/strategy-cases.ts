/** What strategies of memory are compared on: a pass key in grass, named values among code. No name, key or question was trained on. */
import { randomInteger } from "../support/random.ts";
import { takeTokens } from "../support/large-folder.ts";

/** Texts by path. */
export type Texts = Map<string, string>;

/** A question, and what its answer must say. */
export interface AskedValue {
  question: string;
  value: string;
}

/** Of the passkey tasks of Infini-attention (arXiv 2404.07143) and InfLLM. */
const OPENING =
  "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it. I will quiz you about the important information there.\n";
const GRASS = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n";
export const PASSKEY_QUESTION = "What is the pass key?";
/** Tokens of one file of grass: some 200 KB, well below what is left out as too large. */
const FILE_TOKENS = 60_000;

/** About `tokens` tokens of grass in files of equal size, the key's sentence at `depth` of them all. */
export function passkeyTexts(count: (text: string) => number, tokens: number, depth: number, key: string): Texts {
  const [line, opening] = [count(GRASS), count(OPENING)];
  const lines = Math.floor((tokens - opening) / line);
  const each = Math.ceil(lines / Math.ceil(tokens / FILE_TOKENS));
  const at = Math.min(lines - 1, Math.floor(depth * lines));
  const texts: Texts = new Map();
  for (let from = 0; from < lines; from += each) {
    const own = Array.from({ length: Math.min(each, lines - from) }, () => GRASS);
    if (at >= from && at < from + each)
      own.splice(at - from, 0, `The pass key is ${key}. Remember it. ${key} is the pass key.\n`);
    texts.set(`text-${String(from / each).padStart(2, "0")}.txt`, (texts.size === 0 ? OPENING : "") + own.join(""));
  }
  return texts;
}

/** None is among the words that training makes names of. */
const WORDS = (
  "harbour lantern quay tern mast anchor barrel beacon breeze candle canyon castle cedar cliff clover comet copper coral cradle creek " +
  "crystal dagger desert diamond dragon eagle falcon feather fern fiddle flame forest fountain fox glacier gravel grove hammer hazel heron " +
  "hollow horizon island ivory jacket jungle kettle ladder lagoon lemon lily lizard maple marble meadow monsoon mountain nettle ocean olive"
).split(" ");

/** None is a wording of training's. */
const QUESTIONS = [
  "What value was assigned to NAME?",
  "Look up NAME and say its value.",
  "Please state the number stored under NAME.",
  "Do you know what NAME was set to?",
  "I need the constant NAME, what is it?",
];

/** How a value is told. */
export type Telling = "sentence" | "constant";

/** `count` values with names of two words, each told by one line, spread over the first `tokens` tokens of `files`. */
export function namedValues(
  files: ReadonlyMap<string, string>,
  { count, tokens, telling }: { count: number; tokens: number; telling: Telling },
  countTokens: (text: string) => number,
  random: () => number,
): { texts: Texts; asked: AskedValue[] } {
  const taken = takeTokens(
    [...files].map(([path, text]) => ({ path, text })),
    tokens,
    countTokens,
  );
  const lines = taken.flatMap(({ path, text }) => text.split(/(?<=\n)/).map((line) => ({ path, line })));
  const names = new Set<string>();
  while (names.size < count) names.add([pick(WORDS, random), pick(WORDS, random)].join("_").toUpperCase());
  const asked = [...names].map((name) => {
    const value = String(1000 + randomInteger(random, 89_000));
    // Between two lines of no indentation, so that code stays code.
    const places = lines.flatMap(({ line }, i) => (/^\S/.test(line) ? i : []));
    const at = pick(places, random);
    const told = telling === "constant" ? `${name} = ${value}\n` : `# The code for ${name} is ${value}.\n`;
    lines.splice(at, 0, { path: lines[at]?.path ?? "", line: told });
    return { question: pick(QUESTIONS, random).replace("NAME", name), value };
  });
  const texts: Texts = new Map();
  for (const { path, line } of lines) texts.set(path, (texts.get(path) ?? "") + line);
  return { texts, asked };
}

function pick<T>(items: readonly T[], random: () => number): T {
  const item = items[randomInteger(random, items.length)];
  if (item === undefined) throw new RangeError("There is nothing to choose from");
  return item;
}
