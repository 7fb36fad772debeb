/** Finds the comment that documents a definition: a docstring below its first line, or a comment right above it. */

/** A comment that documents a definition. Lines are 0-based, `to` is exclusive. */
export interface DocComment {
  from: number;
  to: number;
  /** Its lines without markers. */
  content: string[];
  /** The first line as it stands where only the opening marker is left of it; empty where each line has a marker of its own. */
  opening: string;
}

/** Longer ones are licences and manuals. */
const MAX_COMMENT_LINES = 80;
/** Lines that a signature may take. */
const MAX_SIGNATURE_LINES = 30;
/** Lines between a comment and the name: attributes, annotations, a type on a line of its own. */
const MAX_BETWEEN = 4;

/** The comment of the definition whose name stands on line `at` (0-based) of a file in `grammar`. */
export function docCommentOf(lines: readonly string[], at: number, grammar: string): DocComment | undefined {
  const docstring = grammar === "python" ? docstringBelow(lines, at) : undefined;
  return docstring ?? commentAbove(lines, at, grammar);
}

function commentAbove(lines: readonly string[], at: number, grammar: string): DocComment | undefined {
  for (let end = at; end > 0 && end >= at - MAX_BETWEEN; end--) {
    const above = (lines[end - 1] ?? "").trim();
    if (above.endsWith("*/")) return blockComment(lines, end);
    const marker = lineMarker(grammar);
    if (marker.test(above)) return lineComments(lines, end, marker);
    // An empty line parts them; a line that ends a statement or opens a block belongs to something else.
    if (above === "" || (/[;{},:]$/.test(above) && !above.startsWith("@"))) return undefined;
  }
  return undefined;
}

function lineMarker(grammar: string): RegExp {
  return ["python", "ruby", "bash"].includes(grammar) ? /^#+(?![!#])/ : /^\/\/(?!!)/;
}

/** The block comment whose last line is before `to`. */
function blockComment(lines: readonly string[], to: number): DocComment | undefined {
  for (let from = to - 1; from >= 0 && from > to - MAX_COMMENT_LINES; from--) {
    const line = lines[from] ?? "";
    if (!line.includes("/*")) continue;
    const opening = /^\s*\/\*+!?/.exec(line)?.[0];
    if (opening === undefined) return undefined; // it stands behind code
    const content = lines.slice(from, to).map((each, i) =>
      each
        .replace(i === 0 ? /^\s*\/\*+!?\s?/ : /^\s*\*+(?!\/)\s?/, "")
        .replace(i === to - from - 1 ? /\s*\*+\/\s*$/ : /\s+$/, "")
        .trimEnd(),
    );
    return { from, to, content, opening };
  }
  return undefined;
}

function lineComments(lines: readonly string[], to: number, marker: RegExp): DocComment | undefined {
  let from = to;
  while (from > 0 && marker.test((lines[from - 1] ?? "").trim())) from--;
  if (to - from > MAX_COMMENT_LINES) return undefined;
  const content = lines.slice(from, to).map((line) => line.trim().replace(/^(?:\/\/[/<]*|#+:?)\s?/, ""));
  return { from, to, content, opening: "" };
}

const DOCSTRING = /^(\s*[rRuU]?)("""|''')/;

function docstringBelow(lines: readonly string[], at: number): DocComment | undefined {
  const from = bodyStart(lines, at);
  const [opening = "", , quotes = ""] = DOCSTRING.exec(lines[from] ?? "") ?? [];
  if (opening === "") return undefined;
  const first = (lines[from] ?? "").slice(opening.length);
  for (let last = from; last < lines.length && last < from + MAX_COMMENT_LINES; last++) {
    const rest = last === from ? first : (lines[last] ?? "");
    const close = rest.indexOf(quotes);
    if (close < 0) continue;
    if (rest.slice(close + quotes.length).trim() !== "") return undefined;
    const whole = [first, ...lines.slice(from + 1, last + 1)];
    const content = whole.map((line, i) => (i === last - from ? line.slice(0, line.indexOf(quotes)) : line).trim());
    return { from, to: last + 1, content, opening };
  }
  return undefined;
}

/** The first line of a Python definition's body. */
function bodyStart(lines: readonly string[], at: number): number {
  for (let line = at; line < at + MAX_SIGNATURE_LINES && line < lines.length; line++) {
    const code = (lines[line] ?? "").replace(/\s+#.*$/, "").trimEnd();
    if (!code.endsWith(":")) continue;
    const next = line + 1;
    return (lines[next] ?? "").trim() === "" ? next + 1 : next;
  }
  return lines.length;
}

/** Tags, sections, lists, examples and rules: what comes after the sentences. */
const SECTION =
  /^(?:[@\\]\w|:\w[^:]*:|(?:Args|Arguments|Parameters|Params|Returns?|Raises|Throws|Yields|Examples?|Usage|Notes?|See also)\b\s*:?\s*$|>>>|```|[-=~*#_]{3,}|\d+[.)]\s|[-*+]\s|#+\s)/i;

/** How many of `content`'s lines the first paragraph takes, with the empty lines before it. */
export function firstParagraph(content: readonly string[]): { from: number; to: number } {
  const from = content.findIndex((line) => line.trim() !== "");
  if (from < 0) return { from: 0, to: 0 };
  const isEnd = (line: string, i: number) => i > from && (line.trim() === "" || SECTION.test(line.trim()));
  const end = content.findIndex(isEnd);
  return { from, to: end < 0 ? content.length : end };
}

/**
 * The comment's lines without its first paragraph, as they may stand in the file instead of all of it; none where nothing
 * is left.
 */
export function withoutFirstParagraph(lines: readonly string[], comment: DocComment): string[] {
  const { to } = firstParagraph(comment.content);
  const rest = lines.slice(comment.from + to, comment.to);
  const hasText = comment.content.slice(to).some((line) => /\w/.test(line));
  if (!hasText) return [];
  return comment.opening === "" ? rest : [comment.opening, ...rest];
}
