/** Comments that document code: how each language writes them, and what of a model's words goes in. */
import { declarationIn, indentation } from "../explain/declarations.ts";

/** How comments are written around their lines; `inside` a body, behind its first line, or above the declaration. */
interface Style {
  open?: string;
  line: string;
  close?: string;
  isInside?: boolean;
}

const JSDOC: Style = { open: "/**", line: " * ", close: " */" };
const SLASHES: Style = { line: "/// " };
const HASH: Style = { line: "# " };
const STYLES: Readonly<Record<string, Style>> = {
  typescript: JSDOC,
  typescriptreact: JSDOC,
  javascript: JSDOC,
  javascriptreact: JSDOC,
  java: JSDOC,
  kotlin: JSDOC,
  scala: JSDOC,
  groovy: JSDOC,
  php: JSDOC,
  c: JSDOC,
  cpp: JSDOC,
  go: { line: "// " },
  rust: SLASHES,
  swift: SLASHES,
  dart: SLASHES,
  csharp: { open: "/// <summary>", line: "/// ", close: "/// </summary>" },
  python: { open: '"""', line: "", close: '"""', isInside: true },
  ruby: HASH,
  shellscript: HASH,
  perl: HASH,
  lua: { line: "--- " },
  haskell: { line: "-- | " },
  sql: { line: "-- " },
};

/** Columns of a comment. */
const WIDTH = 100;
const MOST_CHARACTERS = 400;

/** A declaration that has no comment yet, and where one would go. Lines are counted from 0. */
export interface Undocumented {
  name: string;
  /** The line that declares it. */
  line: number;
  /** The line before which the comment is put in. */
  insertAt: number;
  indent: string;
  style: Style;
}

/** What line `line` declares, where comments are known for the language and it has none. */
export function undocumented(languageId: string, lines: readonly string[], line: number): Undocumented | undefined {
  const style = STYLES[languageId];
  const declared = declarationIn(lines[line] ?? "");
  const depth = indentation(lines[line] ?? "");
  // What a function keeps to itself needs no comment.
  const isLocal = depth > 0 && (declared?.kind === "variable" || declared?.kind === "constant");
  if (!style || !declared || isLocal) return undefined;
  const indent = (lines[line] ?? "").slice(0, depth);
  if (style.isInside) return inside(style, declared.name, lines, line);
  let insertAt = line;
  // Decorators and attributes belong to what they stand above.
  while (insertAt > 0 && /^\s*(?:@\w|#\[|\[\w+.*\]\s*$)/.test(lines[insertAt - 1] ?? "")) insertAt--;
  const isCommented = /^\s*(?:\/\/|\/\*|\*|#(?![[!])|--)|\*\/\s*$/.test(lines[insertAt - 1] ?? "");
  return isCommented ? undefined : { name: declared.name, line, insertAt, indent, style };
}

/** A docstring's place: behind the line that ends the signature, before the body. Only bodies have one. */
function inside(style: Style, name: string, lines: readonly string[], line: number): Undocumented | undefined {
  if (!/^\s*(?:async\s+def|def|class)\b/.test(lines[line] ?? "")) return undefined;
  const head = lines.findIndex((each, i) => i >= line && /:\s*(?:#.*)?$/.test(each));
  const body = lines.findIndex((each, i) => i > head && each.trim() !== "");
  if (head < 0 || body < 0 || indentation(lines[body] ?? "") <= indentation(lines[line] ?? "")) return undefined;
  if (/^\s*[rub]*(?:"""|''')/i.test(lines[body] ?? "")) return undefined;
  const indent = (lines[body] ?? "").slice(0, indentation(lines[body] ?? ""));
  return { name, line, insertAt: head + 1, indent, style };
}

/** How an answer's code begins for its model to write the comment's words. */
export function commentOpening({ style }: Undocumented): string {
  return (style.open === undefined ? "" : `${style.open}\n`) + style.line.trimEnd();
}

/** The words of the first paragraph of a comment that a model wrote, one or two sentences; undefined where it has none. */
export function commentWords(code: string, { style }: Undocumented): string | undefined {
  const marks = /^\s*(?:\/\*\*?|\*\/|\*|\/\/\/?|#|---?\s?\|?|"""|''')\s?/;
  const words: string[] = [];
  for (const line of code.split("\n")) {
    const isEnd = /\*\/|"""|'''/.test(line) && words.length > 0;
    const text = line
      .replace(marks, "")
      .replace(/\*\/|"""|'''|<\/?summary>/g, "")
      .trim();
    // A line without marks is code, which the model went on to.
    if (style.line.trim() !== "" && !marks.test(line) && words.length > 0) break;
    if ((text === "" || text.startsWith("@")) && words.length > 0) break;
    if (text !== "") words.push(text);
    if (isEnd) break;
  }
  const sentences =
    words
      .join(" ")
      .slice(0, MOST_CHARACTERS)
      .match(/.+?[.!?](?=\s|$)/g) ?? [];
  const text = sentences.slice(0, 2).join("").trim();
  return /\p{L}{2}/u.test(text) ? text : undefined;
}

/** The comment's lines with their line ends, to be put in at `insertAt`. */
export function commentText(words: string, { style, indent }: Undocumented): string {
  const { open, line, close } = style;
  const single = singleLine(words, style);
  if (single !== undefined && indent.length + single.length <= WIDTH) return `${indent}${single}\n`;
  const wrapped = wrap(words, WIDTH - indent.length - line.length).map((each) => line + each);
  const lines = [...(open === undefined ? [] : [open]), ...wrapped, ...(close === undefined ? [] : [close])];
  return lines.map((each) => `${indent}${each.trimEnd()}\n`).join("");
}

/** The whole comment on one line, in the languages that write it so. */
function singleLine(words: string, { open, line }: Style): string | undefined {
  if (open === undefined) return line + words;
  if (open === "/**") return `/** ${words} */`;
  return open === '"""' ? `"""${words}"""` : undefined;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
