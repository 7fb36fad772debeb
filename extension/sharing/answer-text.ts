/** A model's answer as it streams, cut into Markdown and the paths that it names. Knows nothing of VS Code. */
import { CodeTracker } from "./code-tracker.ts";

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
/** The beginning of an image that no backslash makes harmless already. */
const IMAGE = /(?<!\\)((?:\\\\)*)!\[/g;

/**
 * Takes text as it comes. What may still become a path or an image is held back until that is clear. Images are turned into
 * links wherever they are not surely in code: an answer must not make the editor fetch anything.
 */
export class AnswerText {
  #held = "";
  readonly #code = new CodeTracker();

  push(text: string): AnswerPart[] {
    this.#held += text;
    return merged(this.#take(false));
  }

  /** The rest. */
  end(): AnswerPart[] {
    return merged(this.#take(true));
  }

  #take(isEnd: boolean): AnswerPart[] {
    // A renderer ends a line at each of these.
    this.#held = this.#held.replace(isEnd ? /\r\n?/g : /\r\n|\r(?!$)/g, "\n");
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
    if (first === "\r") return undefined;
    if (this.#code.waitsForIndent) {
      if (!/[^ ]/.test(this.#held) && !isEnd) return undefined;
      this.#code.beginLine(this.#held);
    }
    if (this.#code.inCode) return this.#cut(this.#plainLength(/[\n\r]/));
    if (first === "!") return this.#bang(isEnd);
    if (this.#code.inFence) return this.#cut(this.#plainLength(/[!\n\r]/));
    if (first === "`") return this.#span(isEnd);
    return this.#cut(this.#plainLength(/[`!\n\r]/));
  }

  /** Up to the first special character, or past a line's end. */
  #plainLength(special: RegExp): number {
    const at = this.#held.search(special);
    if (at < 0) return this.#held.length;
    return this.#held[at] === "\n" ? at + 1 : at;
  }

  #bang(isEnd: boolean): AnswerPart | undefined {
    if (this.#held.length === 1 && !isEnd) return undefined;
    if (this.#held[1] !== "[" || this.#isEscaped()) return this.#cut(1);
    this.#cut(2);
    return { kind: "markdown", text: "\\![" };
  }

  #span(isEnd: boolean): AnswerPart | undefined {
    if (this.#isEscaped()) return this.#cut(1);
    const ticks = /^`+/.exec(this.#held)?.[0].length ?? 1;
    // A run of backticks at the end may go on; three at a line's start open a fence.
    if (ticks === this.#held.length && !isEnd) return undefined;
    if (ticks !== 1) return this.#cut(ticks);
    const rest = this.#held.slice(1);
    const at = rest.search(/[`\n\r]/);
    if (at < 0 && !isEnd && rest.length < LONGEST_SPAN) return undefined;
    if (rest[at] !== "`" || at >= LONGEST_SPAN) return this.#cut(1);
    // Two backticks do not end what one began.
    if (at === rest.length - 1 && !isEnd) return undefined;
    return rest[at + 1] === "`" ? this.#cut(1) : this.#named(this.#held.slice(0, at + 2));
  }

  /** A code span: a path, or what it says. */
  #named(span: string): AnswerPart {
    const isSure = this.#code.isSpan(span);
    this.#held = this.#held.slice(span.length);
    if (isSure) this.#code.takeSpan(span);
    else this.#code.take(span);
    const [, path, line] = PATH.exec(span.slice(1, -1)) ?? [];
    if (path === undefined || !LIKE_PATH.test(path) || path.split("/").includes(".."))
      return { kind: "markdown", text: isSure ? span : span.replace(IMAGE, "$1\\![") };
    return { kind: "path", path, line: line === undefined ? undefined : Math.max(1, Number(line)), written: span };
  }

  /** Whether a backslash stands before what comes next that is not itself behind one. */
  #isEscaped(): boolean {
    return (/\\*$/.exec(this.#code.line)?.[0].length ?? 0) % 2 === 1;
  }

  #cut(length: number): AnswerPart {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#code.take(text);
    return { kind: "markdown", text };
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
