/** A model's answer as it streams, cut into Markdown and the paths that it names. Knows nothing of VS Code. */

/** A path with a line, perhaps, between backticks. */
export interface NamedPath {
  kind: "path";
  path: string;
  /** 1-based. */
  line: number | undefined;
  /** What the model wrote, with its backticks. */
  written: string;
}

export type AnswerPart = { kind: "markdown"; text: string } | NamedPath;

/** `src/a.ts`, `a.ts:12`, `a.ts:12-20`: a name with an extension or a folder, and no space. */
const PATH = /^((?:[\w@.+~-]+\/)*[\w@+~-][\w@.+~-]*?)(?::(\d{1,7})(?:-\d{1,7})?)?$/;
const LIKE_PATH = /\/|\.\w/;
/** A code span that is longer is no path, and is not waited for. */
const LONGEST_SPAN = 300;
/** Also in a list or a quotation. */
const FENCE = /^\s*(?:(?:[-*+]|\d+[.)]|>)\s*)*(`{3,}|~{3,})/;

/**
 * Takes text as it comes. What may still become a path or an image is held back until that is clear. Images are turned into
 * links outside of code: an answer must not make the editor fetch anything.
 */
export class AnswerText {
  #held = "";
  /** What the line has so far, for finding fences. */
  #line = "";
  #fence: string | undefined;

  push(text: string): AnswerPart[] {
    this.#held += text;
    return merged(this.#take(false));
  }

  /** The rest. */
  end(): AnswerPart[] {
    return merged(this.#take(true));
  }

  #take(isEnd: boolean): AnswerPart[] {
    const parts: AnswerPart[] = [];
    while (this.#held !== "") {
      const part = this.#next(isEnd);
      if (part === undefined) break;
      parts.push(part);
    }
    return parts;
  }

  /** One piece off the front; undefined where more text is needed to judge. */
  #next(isEnd: boolean): AnswerPart | undefined {
    const [first = ""] = this.#held;
    if (this.#fence !== undefined || FENCE.test(this.#line)) return this.#cut(this.#plainLength(/\n/));
    if (first === "!") return this.#bang(isEnd);
    if (first === "`") return this.#span(isEnd);
    return this.#cut(this.#plainLength(/[`!\n]/));
  }

  /** Up to the first special character, or past a line's end. */
  #plainLength(special: RegExp): number {
    const at = this.#held.search(special);
    if (at < 0) return this.#held.length;
    return this.#held[at] === "\n" ? at + 1 : at;
  }

  #bang(isEnd: boolean): AnswerPart | undefined {
    if (this.#held.length === 1 && !isEnd) return undefined;
    if (this.#held[1] !== "[") return this.#cut(1);
    this.#cut(2);
    return { kind: "markdown", text: "\\![" };
  }

  #span(isEnd: boolean): AnswerPart | undefined {
    const ticks = /^`+/.exec(this.#held)?.[0].length ?? 1;
    // A run of backticks at the end may go on; three at a line's start open a fence.
    if (ticks === this.#held.length && !isEnd) return undefined;
    if (ticks !== 1) return this.#cut(ticks);
    const rest = this.#held.slice(1);
    const at = rest.search(/[`\n]/);
    if (at < 0 && !isEnd && rest.length < LONGEST_SPAN) return undefined;
    if (rest[at] !== "`") return this.#cut(1);
    const written = this.#held.slice(0, at + 2);
    const [, path, line] = PATH.exec(written.slice(1, -1)) ?? [];
    const part = this.#cut(written.length);
    if (path === undefined || !LIKE_PATH.test(path) || path.split("/").includes("..")) return part;
    return { kind: "path", path, line: line === undefined ? undefined : Math.max(1, Number(line)), written };
  }

  #cut(length: number): AnswerPart {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#line += text;
    if (text.endsWith("\n")) this.#endLine();
    return { kind: "markdown", text };
  }

  #endLine(): void {
    const mark = FENCE.exec(this.#line)?.[1];
    if (this.#fence === undefined) this.#fence = mark;
    else if (mark !== undefined && mark.startsWith(this.#fence) && this.#line.trim() === mark) this.#fence = undefined;
    this.#line = "";
  }
}

/** Neighbouring Markdown as one part. */
function merged(parts: readonly AnswerPart[]): AnswerPart[] {
  const joined: AnswerPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.kind === "markdown" && last?.kind === "markdown") last.text += part.text;
    else joined.push(part.kind === "markdown" ? { ...part } : part);
  }
  return joined;
}
