/** Words of an answer that may name a file, lines of one, or a symbol; and which of them do. Knows neither VS Code nor the disk. */
import type { AnswerLink, Place } from "../../webview/protocol/turn.ts";
import { declarationIn } from "../explain/declarations.ts";

/** Words that are looked up for one answer. */
const MOST_PATHS = 50;
const MOST_SYMBOLS = 30;

const PATH =
  /(?<![\w/.:-])(?:\.\/)?(?:[\w@()[\]-][\w@.()[\]-]*\/)*[\w@-][\w@.-]*\.[A-Za-z]\w{0,9}(?::(\d{1,7})(?:-(\d{1,7}))?)?(?![\w/])/g;
const INLINE_CODE = /`([^`\n]{1,200})`/g;
const SYMBOL = /^[A-Za-z_$][\w$]*(?:\(\))?$/;

/** What a workspace says of names. */
export interface Workspace {
  /** Paths that may be meant by the last part of their name alone. */
  paths(): Promise<readonly string[]>;
  /** A file's text; undefined for what is not in the folder, is no file or is too large. */
  text(path: string): Promise<string | undefined>;
  /** Where a symbol is defined, as far as a language server knows. */
  symbol(name: string): Promise<Place | undefined>;
}

/** The words of an answer that name something which is there. @param near files to look for symbols in first */
export async function answerLinks(
  answer: string,
  near: readonly string[],
  workspace: Workspace,
): Promise<AnswerLink[]> {
  const prose = answer.replace(/^ {0,3}(```|~~~)[\s\S]*?(?:^ {0,3}\1|$(?![\s\S]))/gm, "");
  const paths = await Promise.all(pathsIn(prose).map((word) => linkOfPath(word, workspace)));
  const symbols = await Promise.all(symbolsIn(prose).map((word) => linkOfSymbol(word, near, workspace)));
  return [...paths, ...symbols].flatMap((link) => link ?? []);
}

interface PathWord {
  text: string;
  path: string;
  startLine: number | undefined;
  endLine: number | undefined;
}

function pathsIn(prose: string): PathWord[] {
  const words = new Map<string, PathWord>();
  for (const [text, start, end] of prose.matchAll(PATH)) {
    const startLine = start === undefined ? undefined : Number(start);
    const path = text.replace(/:[\d-]+$/, "").replace(/^\.\//, "");
    words.set(text, { text, path, startLine, endLine: end === undefined ? startLine : Number(end) });
    if (words.size === MOST_PATHS) break;
  }
  return [...words.values()];
}

function symbolsIn(prose: string): string[] {
  const words = [...prose.matchAll(INLINE_CODE)].map(([, code = ""]) => code.trim());
  return [...new Set(words.filter((word) => word.length > 1 && SYMBOL.test(word)))].slice(0, MOST_SYMBOLS);
}

async function linkOfPath(
  { text, path, startLine, endLine }: PathWord,
  workspace: Workspace,
): Promise<AnswerLink | undefined> {
  const known = await whole(path, workspace);
  const content = known === undefined ? undefined : await workspace.text(known);
  if (known === undefined || content === undefined) return undefined;
  const lines = content.split("\n").length;
  const [first, last] = [startLine ?? 1, endLine ?? 1];
  // Lines that the file does not have were made up: such a word is no link.
  return first < 1 || last < first || last > lines ? undefined : { text, path: known, startLine: first, endLine: last };
}

/** The path itself, or the only known one that ends with it. */
async function whole(path: string, workspace: Workspace): Promise<string | undefined> {
  if ((await workspace.text(path)) !== undefined) return path;
  const ending = (await workspace.paths()).filter((known) => known.endsWith(`/${path}`));
  return ending.length === 1 ? ending[0] : undefined;
}

async function linkOfSymbol(
  text: string,
  near: readonly string[],
  workspace: Workspace,
): Promise<AnswerLink | undefined> {
  const name = text.replace(/\(\)$/, "");
  for (const path of new Set(near)) {
    const lines = (await workspace.text(path))?.split("\n") ?? [];
    const at = lines.findIndex((line) => line.includes(name) && declarationIn(line)?.name === name);
    if (at >= 0) return { text, path, startLine: at + 1, endLine: at + 1 };
  }
  const place = await workspace.symbol(name);
  return place && { text, ...place };
}
