/** Questions whose answer stands in a file that only another file leads to: a constant set to another, a function that calls another. */
import type { SourceFile } from "../support/large-folder.ts";
import { seededRandom } from "../support/random.ts";
import type { EvalCase } from "./eval-case.ts";
import { freshNumbers, plant, shuffled, spreadDepths } from "./haystack.ts";

/** Of each kind. */
const CASES = 20;

/** Names are made of two of these; no name shares a word with the one that it leads to. */
const FIRST = (
  "harbor lantern meadow quarry orchard glacier canyon thicket lagoon prairie summit marsh dune fjord grove ravine delta plateau " +
  "cavern tundra"
).split(" ");
const SECOND =
  "kestrel otter badger heron lynx marten osprey puffin raven stoat toad vole wren ibex jackal koala lemur moose newt okapi".split(
    " ",
  );

/** A case, and how its two places are linked. */
export interface TwoHopCase extends EvalCase {
  kind: "constant" | "call" | "written";
}

/** The haystack with both ends of every chain in places of their own; `gold` is the named end, then the one with the value. */
export function twoHopCases(files: readonly SourceFile[], seed: number): { files: SourceFile[]; cases: TwoHopCase[] } {
  const random = seededRandom(seed);
  const numbers = freshNumbers(random, 2 * CASES, files);
  const [from, to] = [shuffled(random, FIRST), shuffled(random, SECOND)];
  const chains = numbers.map((number, i) =>
    chain(i % 2 === 0 ? "constant" : "call", Math.floor(i / 2), from, to, number),
  );
  const depths = spreadDepths(random, 2 * chains.length);
  const needles = chains.flatMap(({ ends }) => ends).map((text, i) => ({ text, depth: depths[i] ?? 0 }));
  const planted = plant(files, needles);
  const cases = chains.map(({ kind, question, number }, i) => ({
    kind,
    question,
    gold: planted.places.slice(2 * i, 2 * i + 2),
    answers: [number],
  }));
  return { files: planted.files, cases };
}

function chain(kind: "constant" | "call", index: number, from: string[], to: string[], number: string) {
  const word = (words: string[], step: number) => words[(index + step) % CASES] ?? "";
  if (kind === "constant") {
    const outer = `${word(from, 0)}_${word(from, 7)}`.toUpperCase();
    const inner = `${word(to, 0)}_${word(to, 7)}`.toUpperCase();
    const question = `Which number is ${outer}?`;
    return { kind, question, number, ends: [`${outer} = ${inner}`, `${inner} = ${number}`] };
  }
  const outer = `${word(from, 0)}_${word(to, 3)}`;
  const inner = `${word(to, 9)}_${word(from, 11)}`;
  const question = `Which number does the function ${outer} return?`;
  const ends = [`def ${outer}():\n    return ${inner}()`, `def ${inner}():\n    return ${number}`];
  return { kind, question, number, ends };
}
