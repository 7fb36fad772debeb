/**
 * Notes such as developers leave in comments, planted in a corpus' files, and questions for them in words that the notes do not
 * have: what words cannot find.
 */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import type { LineRange } from "../../engine/protocol/requests.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import type { CorpusName, Half } from "./corpus-recipes.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { sourceFacts } from "./source-facts.ts";

const NOTES_FILE = new URL("questions/paraphrased-notes.json", import.meta.url);
/** Stands for the number in a note. */
const VALUE = "{v}";
const NOTES_IN_A_CORPUS = 16;
/** Where each corpus' share of a half's notes begins. */
const SHARE: Record<CorpusName, number> = { python: 0, typescript: 1, cpp: 2 };

const NOTES = v.array(
  v.object({
    half: v.picklist(["tune", "report"]),
    note: v.pipe(v.string(), v.includes(VALUE)),
    question: v.string(),
    values: v.tuple([v.number(), v.number()]),
  }),
);

type Note = v.InferOutput<typeof NOTES>[number];

/** All notes, of both halves. */
export function readNotes(): Note[] {
  return v.parse(NOTES, JSON.parse(readFileSync(NOTES_FILE, "utf8")));
}

/** A corpus with notes in it. */
export interface PlantedCorpus<Made extends { golds: LineRange[] }> {
  files: Map<string, string>;
  /** The questions that there were, with their places in the new files. */
  questions: Made[];
  planted: EvalQuestion[];
}

/**
 * Plants a corpus' share of the notes, one a file, each on a line of its own before a function or class that begins at the
 * left margin. The same files, the same places and numbers.
 */
export async function plantNotes<Made extends { golds: LineRange[] }>(
  corpus: CorpusName,
  half: Half,
  sources: ReadonlyMap<string, string>,
  questions: readonly Made[],
): Promise<PlantedCorpus<Made>> {
  const random = seededRandom(11);
  const own = readNotes().filter((note) => note.half === half);
  const notes = own.slice(SHARE[corpus] * NOTES_IN_A_CORPUS, (SHARE[corpus] + 1) * NOTES_IN_A_CORPUS);
  const files = new Map(sources);
  const shifts = new Map<string, number>();
  const planted: EvalQuestion[] = [];
  const order = [...sources.keys()].map((path) => ({ path, key: random() })).toSorted((a, b) => a.key - b.key);
  for (const { path } of order) {
    const note = notes[planted.length];
    if (note === undefined) break;
    const places = await placesIn(path, sources.get(path) ?? "");
    const line = places[randomInteger(random, Math.max(1, places.length))];
    if (line === undefined) continue;
    const [least, most] = note.values;
    const value = String(least + randomInteger(random, most - least + 1));
    files.set(path, withNote(sources.get(path) ?? "", line, commentOf(path, note.note.replace(VALUE, value))));
    shifts.set(path, line);
    const golds = [{ path, startLine: line, endLine: line }];
    planted.push({ corpus, half, kind: "paraphrase", question: note.question, golds, answers: [value] });
  }
  return { files, questions: questions.map((question) => shifted(question, shifts)), planted };
}

/** First lines of functions and classes at the left margin that have an empty line before them. */
async function placesIn(path: string, text: string): Promise<number[]> {
  const lines = text.split("\n");
  const { functions, classes } = await sourceFacts(path, text);
  return [...functions, ...classes]
    .map((definition) => definition.lines.first)
    .filter((line) => /^\S/.test(lines[line - 1] ?? "") && lines[line - 2] === "")
    .toSorted((a, b) => a - b);
}

function commentOf(path: string, note: string): string {
  return path.endsWith(".py") ? `# ${note}` : `// ${note}`;
}

/** The note becomes line `line`, an empty line follows it. */
function withNote(text: string, line: number, comment: string): string {
  return text
    .split("\n")
    .toSpliced(line - 1, 0, comment, "")
    .join("\n");
}

/** Places at and below a planted note are two lines further down. */
function shifted<Made extends { golds: LineRange[] }>(question: Made, shifts: ReadonlyMap<string, number>): Made {
  const golds = question.golds.map((gold) => {
    const at = shifts.get(gold.path) ?? Infinity;
    const by = (line: number): number => (line >= at ? line + 2 : line);
    return { ...gold, startLine: by(gold.startLine), endLine: by(gold.endLine) };
  });
  return { ...question, golds };
}
