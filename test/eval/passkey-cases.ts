/** Pass keys in a haystack: one at each of many depths, many alike, and two of which one comes first. */
import type { SourceFile } from "../support/large-folder.ts";
import { seededRandom } from "../support/random.ts";
import type { EvalCase } from "./eval-case.ts";
import { freshNumbers, type Place, plant, shuffled, spreadDepths } from "./haystack.ts";

/** One pass key: the only file that differs from the haystack, and the question. */
export interface PasskeyCase {
  depth: number;
  key: string;
  path: string;
  line: number;
  /** Of the file with the key in it. */
  text: string;
}

/** What InfLLM, Infini-attention and others ask of a context that holds one key. */
export const PASSKEY_QUESTION = "What is the pass key?";

/** `keys` cases at each of `depths` depths from the first line to the last, each with a number of its own. */
export function passkeyCases(
  files: readonly SourceFile[],
  { seed, depths, keys }: { seed: number; depths: number; keys: number },
): PasskeyCase[] {
  const numbers = freshNumbers(seededRandom(seed), depths * keys, files);
  return numbers.map((key, i) => {
    const depth = Math.floor(i / keys) / Math.max(1, depths - 1);
    const needle = `# The pass key is ${key}. Remember it. ${key} is the pass key.`;
    const { files: planted, places } = plant(files, [{ depth, text: needle }]);
    const { path, line } = places[0] ?? { path: "", line: 0 };
    return { depth, key, path, line, text: planted.find((file) => file.path === path)?.text ?? "" };
  });
}

/** Both words of a service's name are shared with others: what is asked for must be told from 18 that are half alike. */
const REGIONS = "north south east west upper lower inner outer coastal central".split(" ");
const TRADES = "billing orders catalog payroll freight ledger archive transit harvest signals".split(" ");

/** A hundred access codes, alike but for their service's name, spread over the haystack. */
export function multiKeyCases(files: readonly SourceFile[], seed: number): { files: SourceFile[]; cases: EvalCase[] } {
  const random = seededRandom(seed);
  const services = shuffled(
    random,
    REGIONS.flatMap((region) => TRADES.map((trade) => `${region}-${trade}`)),
  );
  const codes = freshNumbers(random, services.length, files);
  const depths = spreadDepths(random, services.length);
  const needles = services.map((service, i) => ({
    depth: depths[i] ?? 0,
    text: `# The access code of service ${service} is ${codes[i]}.`,
  }));
  const { files: planted, places } = plant(files, needles);
  const cases = services.map((service, i) => ({
    question: `What is the access code of service ${service}?`,
    gold: places.slice(i, i + 1),
    answers: codes.slice(i, i + 1),
  }));
  return { files: planted, cases };
}

/** Two pass keys; the one that stands earlier is the answer. */
export interface OrderCase {
  kind: "one file" | "numbered files";
  question: string;
  /** Colours, by which the keys are told apart. */
  first: string;
  second: string;
  gold: Place[];
}

const COLOURS = (
  "amber azure beige black blue bronze brown copper coral cream crimson cyan emerald gold gray green indigo ivory jade khaki " +
  "lavender lemon lilac lime magenta maroon mint navy ochre olive orange peach pink plum purple red rose ruby rust " +
  "saffron salmon scarlet silver tan teal turquoise violet white yellow"
).split(" ");
const ONE_FILE = 15;
/** Numbered files, each with a key. */
const NUMBERED = 16;
/** Shorter files have no two places that are far from each other. */
const SHORTEST_FILE = 600;

/**
 * Half the questions name the earlier key first. Numbered files, `steps/step-01.py` and so on, are the haystack's first files
 * that are long enough; keys in one file stand in the next ones, at a fifth and at four fifths.
 */
export function orderCases(haystack: readonly SourceFile[], seed: number): { files: SourceFile[]; cases: OrderCase[] } {
  const random = seededRandom(seed);
  const colours = shuffled(random, COLOURS);
  const numbers = freshNumbers(random, COLOURS.length, haystack);
  const take = () => {
    const [colour = "", number = ""] = [colours.pop(), numbers.pop()];
    return { colour, line: `# The pass key ${colour} is ${number}.` };
  };
  const long = haystack.filter(({ tokens }) => tokens >= SHORTEST_FILE).slice(0, NUMBERED + ONE_FILE);
  const steps = long.slice(0, NUMBERED).map((file, i) => {
    const key = take();
    const named = { ...file, path: `steps/step-${String(i + 1).padStart(2, "0")}.py` };
    return { key, ...plant([named], [{ depth: 0.5, text: key.line }]) };
  });
  const pairs = long.slice(NUMBERED).map((file) => {
    const keys = [take(), take()];
    const needles = keys.map(({ line }, i) => ({ depth: i === 0 ? 0.2 : 0.8, text: line }));
    return { path: file.path, keys, ...plant([file], needles) };
  });
  const inOne = pairs.map(({ path, keys, places }, i) =>
    orderCase("one file", `In ${path}, which pass key comes first`, keys, places, i),
  );
  const inSteps = shuffled(random, [...steps.keys()].slice(0, -1)).map((i, at) => {
    const two = [steps[i], steps[i + 1 + (at % (steps.length - 1 - i))]].flatMap((step) => step ?? []);
    const keys = two.map(({ key }) => key);
    const places = two.flatMap((step) => step.places);
    return orderCase("numbered files", "The files in steps are numbered. Which pass key comes first", keys, places, at);
  });
  return { files: [...steps, ...pairs].flatMap(({ files }) => files), cases: [...inOne, ...inSteps] };
}

function orderCase(
  kind: OrderCase["kind"],
  asked: string,
  keys: readonly { colour: string }[],
  gold: Place[],
  index: number,
): OrderCase {
  const [first = "", second = ""] = keys.map(({ colour }) => colour);
  const [a, b] = index % 2 === 0 ? [first, second] : [second, first];
  return { kind, question: `${asked}, ${a} or ${b}?`, first, second, gold };
}

/** Whether an answer names the earlier key, and names it before the other. */
export function saysFirst(answer: string, { first, second }: OrderCase): boolean {
  const at = (word: string) => answer.search(new RegExp(`\\b${word}\\b`, "i"));
  return at(first) >= 0 && (at(second) < 0 || at(first) < at(second));
}
