import { closesFence, openedFence } from "../actions/fenced-code.ts";

/** Markers of lists and quotations before what a line holds. */
const CONTAINERS = /^(?:[ \t]*(?:[-*+]|\d{1,9}[.)]|>))*[ \t]*/;

/**
 * Follows a Markdown text from its beginning and knows where code surely is: by CommonMark, and by marked, which VS Code draws
 * with and which differs in places. Wherever they could see something else (a fence in a list or behind a quotation mark, HTML,
 * formulas), it is not sure; and once a fence is open that may be none, nothing behind it is surely code any more.
 */
export class CodeTracker {
  #line = "";
  #fence: { mark: string; indent: number } | undefined;
  #isSure = true;
  /** Of the paragraph so far: nothing in it can keep a renderer from seeing a backtick. */
  #isPlain = true;

  /** What the line has so far. */
  get line(): string {
    return this.#line;
  }

  /** Whether a fence is open, or may be. */
  get inFence(): boolean {
    return this.#fence !== undefined;
  }

  /** Whether what comes next stands in fenced code for everyone. */
  get inCode(): boolean {
    return this.inFence && this.#isSure;
  }

  /** Whether the line that comes has to be seen up to its first character: it may end the list that the fence is in. */
  get waitsForIndent(): boolean {
    return this.#line === "" && this.inCode && this.#fence?.indent !== 0;
  }

  /** @param start a line of fenced code, at least up to its first character that is no blank */
  beginLine(start: string): void {
    const [, blanks = "", first] = /^( *)(\S)?/.exec(start) ?? [];
    if (first !== undefined && blanks.length < (this.#fence?.indent ?? 0)) this.#isSure = false;
  }

  /** Whether a code span that comes next is one for everyone. In a cell of a table, `|` would end it. */
  isSpan(span: string): boolean {
    return this.#isSure && this.#isPlain && /(?:^|\s)$/.test(this.#line) && !span.includes("|");
  }

  /** The text goes on with a code span. */
  takeSpan(span: string): void {
    this.#line += span;
  }

  /** The text goes on with anything else, at most up to the line's end. */
  take(text: string): void {
    // HTML, formulas, links and what is struck through may have a backtick in them that begins nothing.
    if (/[<$[~`]/.test(text)) this.#isPlain = false;
    this.#line += text;
    if (text.endsWith("\n")) this.#endLine(this.#line.slice(0, -1));
  }

  #endLine(line: string): void {
    this.#line = "";
    if (this.#fence) this.#close(line, this.#fence.mark);
    else this.#open(line);
    if (line.trim() === "") this.#isPlain = true;
  }

  #open(line: string): void {
    const bare = line.replace(CONTAINERS, "");
    const mark = openedFence(bare);
    if (mark !== undefined) this.#fence = { mark, indent: line.length - bare.length };
    // HTML, formulas and definitions of links may have the next line in them; a table's head may look like a fence.
    const isDoubtful = mark === undefined ? /^(?:<|\$\$)|\]:/.test(bare) : !/^ {0,3}[`~][^|]*$/.test(line);
    if (isDoubtful) this.#isSure = false;
  }

  #close(line: string, mark: string): void {
    const bare = line.replace(/^[\s>]+/, "");
    if (!bare.startsWith(mark) || !/^[`~\s]+$/.test(bare)) return;
    if (!closesFence(line, mark) || !/^ *[`~]+ *$/.test(line)) this.#isSure = false;
    this.#fence = undefined;
    this.#isPlain = true;
  }
}
