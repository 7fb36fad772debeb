/** Seeded edits of a folder, each with a question whose answer is in the edited place. Pure functions of their seed. */
import { basename, dirname, join } from "node:path/posix";
import { randomChoice, randomInteger, seededRandom } from "../support/random.ts";

/** What is done to a file. */
export const EDIT_KINDS = [
  "constant changed",
  "function renamed",
  "line added",
  "line removed",
  "file created",
  "file deleted",
  "file renamed",
  "unsaved text",
] as const;

/** A change of one file, and what a question about it must and must not find. */
export interface Edit {
  kind: (typeof EDIT_KINDS)[number];
  /** The file's path before and after; undefined where it is not there. */
  before: string | undefined;
  after: string | undefined;
  /** What `after` holds then. */
  text: string;
  question: string;
  /** In the text of a recalled block; undefined where the edit took something away. */
  wanted: string | undefined;
  /** Neither in a recalled block nor in the answer. */
  gone: string[];
}

/** A file's text by its path. */
export type Texts = ReadonlyMap<string, string>;

const FIRST =
  "amber brisk copper dapple ember frosty golden hazel ivory jolly lunar mellow nimble olive pearl quiet".split(" ");
const SECOND =
  "otter walnut harbor lantern meadow compass thicket pebble saddle turnip anchor bobbin cradle dynamo".split(" ");

/** What is planted in a file: the parts that edits change. */
interface Planted {
  name: string;
  value: number;
  text: string;
}

function plantIn(text: string, index: number, random: () => number): Planted {
  const name = `${FIRST[index % FIRST.length]}_${SECOND[Math.floor(index / FIRST.length) % SECOND.length]}`;
  const value = 10_000 + randomInteger(random, 89_999);
  const planted = `${constant(name, value)}\n\n\ndef ${name}_offset(number):\n    return number + ${name.length}\n`;
  const lines = text.split("\n");
  const places = lines.flatMap((line, at) =>
    /^(?:def|class|@|[A-Z]\w* =)/.test(line) && lines[at - 1] === "" ? at : [],
  );
  const at = places.length === 0 ? lines.length : randomChoice(random, places);
  return { name, value, text: [...lines.slice(0, at), ...planted.split("\n"), "", ...lines.slice(at)].join("\n") };
}

const constant = (name: string, value: number) => `${name.toUpperCase()}_LIMIT = ${value}`;

/** Plants a constant and a function in every file; returns the texts to begin with, and an edit a file, kinds in turn. */
export function makeEdits(files: Texts, seed: number): { texts: Texts; edits: Edit[] } {
  const random = seededRandom(seed);
  const texts = new Map<string, string>();
  const edits: Edit[] = [];
  for (const [index, [path, text]] of [...files].entries()) {
    const planted = plantIn(text, index, random);
    texts.set(path, planted.text);
    const kind = EDIT_KINDS[index % EDIT_KINDS.length] ?? "constant changed";
    edits.push(editOf(kind, path, planted, random));
  }
  return { texts, edits };
}

function editOf(kind: Edit["kind"], path: string, { name, value, text }: Planted, random: () => number): Edit {
  const upper = name.toUpperCase();
  const old = constant(name, value);
  const fresh = 10_000 + randomInteger(random, 89_999);
  const question = `What is the value of ${upper}_LIMIT?`;
  const base = { kind, before: path, after: path, text, question, wanted: undefined, gone: [] };
  switch (kind) {
    case "constant changed":
    case "unsaved text": {
      const wanted = constant(name, fresh);
      return { ...base, text: text.replace(old, wanted), wanted, gone: [`${value}`] };
    }
    case "function renamed": {
      const [from, to] = [`${name}_offset`, `${name}_shift`];
      return {
        ...base,
        text: text.replace(from, to),
        question: `What does ${to} add to its number?`,
        wanted: to,
        gone: [from],
      };
    }
    case "line added": {
      const wanted = `${upper}_BURST = ${fresh}`;
      const added = text.replace(old, `${old}\n${wanted}`);
      return { ...base, text: added, question: `What is the value of ${upper}_BURST?`, wanted };
    }
    case "line removed":
      return { ...base, text: text.replace(`${old}\n`, ""), gone: [`${value}`] };
    case "file created": {
      const wanted = `${upper}_CEILING = ${fresh}`;
      const after = join(dirname(path), `${name}.py`);
      const created = text.replace(old, wanted).replaceAll(`${name}_offset`, `${name}_ceiling`);
      return {
        ...base,
        before: undefined,
        after,
        text: created,
        question: `What is the value of ${upper}_CEILING?`,
        wanted,
      };
    }
    case "file deleted":
      return { ...base, after: undefined, text: "", gone: [`${value}`] };
    case "file renamed":
    default:
      return { ...base, after: join(dirname(path), `moved_${basename(path)}`), wanted: old };
  }
}
