/** Where the sentences of an answer in Markdown lie, as UTF-16 offsets. A line of code counts as one. */

/** `end` is exclusive. */
export interface TextSpan {
  start: number;
  end: number;
}

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });

/** The sentences of `text` in order, without the blanks around them; the fences of code blocks are none. */
export function sentenceSpans(text: string): TextSpan[] {
  const spans: TextSpan[] = [];
  let before: number | undefined;
  for (const { segment, index } of segmenter.segment(withoutCode(text))) {
    const start = before ?? index + segment.length - segment.trimStart().length;
    const end = index + segment.trimEnd().length;
    before = undefined;
    if (goesOn(segment)) before = start;
    else if (/[\p{L}\p{N}]/u.test(segment) && !/^\s*(?:```|~~~)/.test(segment)) spans.push({ start, end });
  }
  return spans;
}

/** Names are mostly in lower case, which no sentence begins with by Unicode's rules (UAX #29): for these, code is one tall word. */
function withoutCode(text: string): string {
  return text.replace(/`[^`\n]+`/g, (code) => "X".repeat(code.length));
}

/** Ends like a sentence and is none: the number of a list, and some short forms. */
function goesOn(segment: string): boolean {
  return /^\s*\d{1,9}[.)][ \t]*$|\b(?:e\.g|i\.e|cf|vs)\.[ \t]*$/i.test(segment);
}
