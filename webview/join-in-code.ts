import type { MarkdownBlock } from "./markdown.ts";
import { rangeText } from "./place.ts";
import type { Citation, Sentence } from "./protocol/turn.ts";

/** Sources that a block of code shows: as many as a sentence has. */
const MOST_SOURCES = 4;

/** Sentences with those inside one block of code as one: code is shown, and comes from somewhere, as a whole. */
export function joinInCode(sentences: readonly Sentence[], blocks: readonly MarkdownBlock[]): Sentence[] {
  const code = blocks.filter(({ text }) => /^ {0,3}(```|~~~)/.test(text));
  const blockOf = ({ start }: Sentence) =>
    code.find((each) => start >= each.start && start < each.start + each.text.length);
  const joined: Sentence[] = [];
  let open: MarkdownBlock | undefined;
  for (const sentence of sentences) {
    const block = blockOf(sentence);
    const last = joined.at(-1);
    if (block && block === open && last) joined[joined.length - 1] = join(last, sentence);
    else joined.push(sentence);
    open = block;
  }
  return joined;
}

/** Shares count by the length of what they are shares of. */
function join(a: Sentence, b: Sentence): Sentence {
  const shares = new Map<string, Citation>();
  const length = b.end - a.start;
  for (const { start, end, blocks } of [a, b]) {
    for (const block of blocks) {
      const key = rangeText(block);
      const share = (shares.get(key)?.share ?? 0) + (block.share * (end - start)) / length;
      shares.set(key, { ...block, share });
    }
  }
  const blocks = [...shares.values()].toSorted((x, y) => y.share - x.share).slice(0, MOST_SOURCES);
  return { start: a.start, end: b.end, blocks };
}
