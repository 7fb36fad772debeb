/** Corpora on disk: fetched, with the comments that questions are made of deleted, and with these questions beside them. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { CORPUS_RECIPES, type CorpusName, type CorpusRecipe, type Half } from "./corpus-recipes.ts";
import type { EvalQuestion } from "./eval-question.ts";
import { packageFiles } from "./fetch-package.ts";
import { makeQuestions } from "./made-questions.ts";
import { plantNotes } from "./planted-notes.ts";
import { writtenQuestions } from "./written-questions.ts";

/** A folder that is ready to be read, and what is asked about it. */
export interface Corpus {
  name: CorpusName;
  half: Half;
  folder: string;
  /** By path, sorted. */
  files: ReadonlyMap<string, string>;
  questions: EvalQuestion[];
}

/** Names the half that is asked: "tune" for who fits or chooses something; commands that report leave it unset. */
const HALF_VARIABLE = "REPO_MEMORY_EVAL_HALF";

/** The half that the environment names; the one that is reported unless it says otherwise. */
export function evalHalf(): Half {
  return process.env[HALF_VARIABLE] === "tune" ? "tune" : "report";
}

/** Makes all corpora of a half, or finds them as an earlier run left them. @param dataDir where they are kept */
export async function openCorpora(dataDir: string, half: Half, tell: (text: string) => void): Promise<Corpus[]> {
  const corpora: Corpus[] = [];
  for (const recipe of CORPUS_RECIPES) {
    if (recipe.half === half) corpora.push(await openCorpus(dataDir, recipe, tell));
  }
  return corpora;
}

/**
 * One corpus. Its files are made anew in memory each time and only those that differ on disk are written: a run that was
 * stopped half-way, or a change to the questions, costs no more than it must.
 */
async function openCorpus(dataDir: string, recipe: CorpusRecipe, tell: (text: string) => void): Promise<Corpus> {
  const { name, half } = recipe;
  const folder = join(dataDir, "eval", "corpora", `${half}-${name}`);
  const sources = new Map<string, string>();
  for (const source of recipe.packages) {
    for (const [path, text] of await packageFiles(source, join(dataDir, "eval", "archives"))) sources.set(path, text);
  }
  const uncommented = await makeQuestions(sources);
  const { files, questions: made, planted } = await plantNotes(name, half, uncommented.files, uncommented.questions);
  const written = writeFiles(folder, files);
  const questions = [
    ...made.map((question) => ({ ...question, corpus: name, half })),
    ...planted,
    ...(await writtenQuestions(name, half, files)),
  ];
  tell(`${half}-${name}: ${files.size} files (${written} written), ${questions.length} questions, ${hashOf(files)}`);
  return { name, half, folder, files, questions };
}

/** Makes the folder consist of the files. Returns how many were not there as they should be. */
function writeFiles(folder: string, files: ReadonlyMap<string, string>): number {
  mkdirSync(folder, { recursive: true });
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(relative(folder, path).split(sep).join("/"))) rmSync(path);
  }
  const wrong = [...files].filter(([path, text]) => {
    const file = join(folder, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== text;
  });
  for (const [path, text] of wrong) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return wrong.length;
}

/** Names the state of a corpus, so that two runs can be seen to have read the same. */
function hashOf(files: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const [path, text] of files) hash.update(`${path}\0${text}\0`);
  return hash.digest("hex").slice(0, 12);
}
