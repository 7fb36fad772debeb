/** What a line of code declares, guessed from its words alone: for languages without a server, and without asking one. */

/** What stands before a name that is declared, in most languages, and what people call that. */
const KEYWORDS: Readonly<Record<string, string>> = {
  function: "function",
  def: "function",
  fn: "function",
  func: "function",
  fun: "function",
  sub: "function",
  proc: "function",
  procedure: "function",
  defun: "function",
  class: "class",
  interface: "interface",
  struct: "struct",
  trait: "trait",
  enum: "enum",
  type: "type",
  record: "record",
  protocol: "protocol",
  module: "module",
  namespace: "namespace",
  macro: "macro",
  const: "constant",
  static: "constant",
  let: "variable",
  var: "variable",
  val: "variable",
};

/** Words that may stand before the keyword. */
const MODIFIER = String.raw`(?:(?:export|default|declare|abstract|async|pub(?:\([^)]*\))?|public|private|protected|internal|static|final|sealed|override|open|data|unsafe|extern|inline|suspend|local)\s+)*`;
const NAME = String.raw`[\p{L}_$][\p{L}\p{N}_$]*`;
const DECLARATION = new RegExp(
  String.raw`^\s*\(?${MODIFIER}(${Object.keys(KEYWORDS).join("|")})\b\*?\s+(?:\([^)]*\)\s*)?(?:mut\s+|self\.)?(${NAME})`,
  "u",
);
/** `int main(void) {`, `public String name(int a) {`: a type, a name and parameters, and no end of a statement. */
const TYPED_FUNCTION = new RegExp(
  String.raw`^\s*(?:[\p{L}_][\p{L}\p{N}_<>:,*&.[\]]*\s+)+[*&]*(${NAME})\s*\([^;=]*$`,
  "u",
);
/** `async name(a) {` in a class: no call ends so, but one that is given a function. */
const METHOD = new RegExp(
  String.raw`^\s+${MODIFIER}(?:get\s+|set\s+|\*\s*)?#?(${NAME})\s*(?:<[^>]*>)?\((?!.*(?:=>|\bfunction\b)).*\{\s*$`,
  "u",
);
/** `NAME = 3`, `name: int = 3` and `name := 3` at the beginning of a line that is not indented. */
const ASSIGNMENT = new RegExp(String.raw`^(${NAME})\s*(?::[^=]*)?(?::=|=(?!=|>|~))`, "u");
/** Words with which a statement begins that looks like a typed function. */
const STATEMENT =
  /^\s*(?:return|await|throw|new|else|if|for|while|switch|case|do|yield|assert|delete|in|not|import|from|use|catch|with|try|finally|match|unless|until|loop)\b/;

/** Something that a line declares. */
export interface Declaration {
  name: string;
  /** "function", "class", …: as people call it. */
  kind: string;
}

/** A longer line is data or was written by a machine. */
const LONGEST_LINE = 1_000;

/** What `line` declares; undefined where it does not look like a declaration. */
export function declarationIn(line: string): Declaration | undefined {
  if (line.length > LONGEST_LINE) return undefined;
  const [, keyword, name] = DECLARATION.exec(line) ?? [];
  const typed = STATEMENT.test(line) ? undefined : (TYPED_FUNCTION.exec(line)?.[1] ?? METHOD.exec(line)?.[1]);
  // "static" and "const" also stand before a function's type.
  if (keyword !== undefined && name !== undefined && !(typed !== undefined && KEYWORDS[keyword] === "constant")) {
    return { name, kind: isFunctionValue(line) ? "function" : (KEYWORDS[keyword] ?? keyword) };
  }
  if (typed !== undefined) return { name: typed, kind: "function" };
  const assigned = ASSIGNMENT.exec(line)?.[1];
  if (assigned === undefined || STATEMENT.test(line)) return undefined;
  return { name: assigned, kind: /^[\p{Lu}\d_]+$/u.test(assigned) ? "constant" : "variable" };
}

function isFunctionValue(line: string): boolean {
  return /=\s*(?:async\s*)?(?:(?:\([^)]*\)|[\p{L}_$][\p{L}\p{N}_$]*)\s*(?::[^=]+)?=>|function\b)/u.test(line);
}

/** Whether a line only takes names from elsewhere. */
export function isImport(line: string): boolean {
  return /^\s*(?:import\b|from\s+\S+\s+import\b|use\s|using\s|#\s*include\b|require\b|\}\s*from\s|export\s.*\sfrom\s|(?:const|let|var)\s.*=\s*require\()/.test(
    line,
  );
}

/** Where `name` stands in `line` as a word of its own; -1 where it does not. */
export function wordIndex(line: string, name: string): number {
  const escaped = name.replace(/[$]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped}(?![\\p{L}\\p{N}_$])`, "u").exec(line)?.index ?? -1;
}

/** The declaration around line `index` of `lines`: the nearest above that is indented less, or the line's own. */
export function enclosingDeclaration(lines: readonly string[], index: number): Declaration | undefined {
  let depth = indentation(lines[index] ?? "");
  for (let at = index - 1; at >= 0 && depth > 0; at--) {
    const line = lines[at] ?? "";
    if (line.trim() === "" || indentation(line) >= depth) continue;
    const declared = declarationIn(line);
    if (declared) return declared;
    depth = indentation(line);
  }
  return undefined;
}

/** The last line of what is declared on line `index`: the end of its indented body, with a closing bracket. */
export function lastLineOf(lines: readonly string[], index: number): number {
  const depth = indentation(lines[index] ?? "");
  let last = index;
  for (let at = index + 1; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.trim() === "") continue;
    const isClosing = indentation(line) === depth && /^\s*(?:[\])}]|end\b)/.test(line);
    if (indentation(line) <= depth && !isClosing) break;
    last = at;
    // "}" ends the body, ") {" only the parameters.
    if (isClosing && !/[{:(]\s*$/.test(line)) break;
  }
  return last;
}

export function indentation(line: string): number {
  return line.length - line.trimStart().length;
}
