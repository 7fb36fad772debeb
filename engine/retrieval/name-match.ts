/** What names tell: a block that defines what the question names, and a file that is called by it, come first. */
import { codeWords, questionWords } from "./words.ts";

/** In z-scores of the fused ranking: a definition outweighs a block that mentions the name more often. */
const DEFINITION = 5;
const LOOSE_DEFINITION = 1.5;
const FILE_NAME = 1.5;
/** The same for a question that asks for a file. */
const FILE_ASKED_FOR = 4;
/** Tests repeat the names of what they test; they come after it unless the question is about tests. */
const TEST = -2;

/** Names in one question beyond which more are a pasted text. */
const MAX_NAMES = 8;

/** What stands before a name where it is defined, in the languages that have a keyword for it. */
const KEYWORDS =
  "class|interface|type|enum|struct|trait|union|record|object|protocol|module|namespace|package|function|func|fun|fn|def|" +
  "const|let|var|val|static|final|macro_rules!|#define|typedef|public|private|protected|abstract|async|export";

/** What a file's path says, the same for every question. */
export interface FileName {
  /** Of its name without the extension. */
  words: readonly string[];
  isTest: boolean;
}

/** Reads a path. */
export function fileName(path: string): FileName {
  const base = path.slice(path.lastIndexOf("/") + 1);
  return { words: codeWords(base.split(".")[0] ?? ""), isTest: isTest(path) };
}

/** How much names alone speak for a block. `text` is left out where the symbol index knows better, and for blocks that share no word with the question. */
export type NameScorer = (file: FileName, text: string | undefined) => number;

/** Reads the names out of a question. */
export function nameScorer(question: string): NameScorer {
  const words = new Set(questionWords(question));
  const patterns = names(question).map(({ name, exact }) => ({
    pattern: definitionOf(name, exact),
    score: exact ? DEFINITION : LOOSE_DEFINITION,
  }));
  const called = /\b(?:file|module|script)\b/i.test(question) ? FILE_ASKED_FOR : FILE_NAME;
  const test = /\b(?:test|spec)/i.test(question) ? 0 : TEST;
  const scoreOf = (file: FileName) => (isCalled(file, words) ? called : 0) + (file.isTest ? test : 0);
  return (file, text) => {
    if (text === undefined) return scoreOf(file);
    return scoreOf(file) + Math.max(0, ...patterns.map(({ pattern, score }) => (pattern.test(text) ? score : 0)));
  };
}

/** Identifiers of a question; a plain word may name something too, in whatever case that is written. */
function names(question: string): { name: string; exact: boolean }[] {
  const telling = new Set(questionWords(question));
  const found = [...new Set(question.match(/[\p{L}_$][\p{L}\p{N}_$]{2,63}/gu) ?? [])];
  return found
    .map((name) => ({ name, exact: /[_$]|\p{Ll}\p{Lu}|^\p{Lu}{2}/u.test(name) }))
    .filter(({ name, exact }) => exact || telling.has(name.toLowerCase()))
    .toSorted((a, b) => Number(b.exact) - Number(a.exact))
    .slice(0, MAX_NAMES);
}

/** `const NAME`, `def name(`, `NAME =` or `name:` at the start of a line, `name(...) {`. */
function definitionOf(name: string, exact: boolean): RegExp {
  const literal = name.replace(/[$]/g, "\\$&");
  const end = "(?![\\p{L}\\p{N}_$])";
  const afterKeyword = `(?<![\\p{L}\\p{N}_$])(?:${KEYWORDS})[ \\t]{1,8}${literal}${end}`;
  const assigned = `^[ \\t]{0,40}(?:[\\w.$]{1,60}[ \\t]{1,8})?${literal}[ \\t]{0,8}(?::[^=\\n]{0,80})?[:=](?![=>])`;
  const method = `^[ \\t]{1,40}(?:[\\w<>[\\]*&]{1,60}[ \\t]{1,8}){0,4}${literal}[ \\t]{0,8}\\([^;\\n]{0,200}\\)[^;\\n]{0,80}\\{`;
  return new RegExp(`${afterKeyword}|${assigned}|${method}`, exact ? "mu" : "imu");
}

/** By the folders and endings that test runners go by. */
function isTest(path: string): boolean {
  return /(?:^|\/)(?:tests?|__tests__|spec)\/|[._-](?:test|spec)\.\w+$|(?:^|\/)test_[^/]*$/i.test(path);
}

/** Whether all words of the file's name are in the question. */
function isCalled({ words }: FileName, asked: ReadonlySet<string>): boolean {
  return words.length > 0 && words.every((word) => asked.has(word));
}
