import { align } from "./align.ts";
import { t } from "./l10n.ts";
import type { MarkdownBlock } from "./markdown.ts";
import { rangeText } from "./place.ts";
import type { Citation, Sentence } from "./protocol/turn.ts";
import { textNodes, wrap } from "./text-nodes.ts";

/**
 * Marks the sentences of a rendered part: each piece of one is in an element with the sentence's number, and after its last piece comes
 * a button that names its sources.
 */
export function markSentences(
  element: Element,
  { text, start }: MarkdownBlock,
  sentences: readonly Sentence[],
  citations: readonly Citation[],
): void {
  const here = sentences.flatMap((sentence, index) => {
    const [from, to] = [sentence.start - start, sentence.end - start];
    const isHere = sentence.blocks.length > 0 && to > 0 && from < text.length;
    return isHere ? [{ index, from, to, blocks: sentence.blocks, endsHere: to <= text.length }] : [];
  });
  if (here.length === 0) return;
  const nodes = textNodes(element, ".code-bar, .no-image");
  const offsets = align(text, nodes.map(({ data }) => data).join(""));
  const last = new Map<number, Element>();
  let passed = 0;
  for (const node of nodes) {
    const length = node.data.length;
    const own = offsets.slice(passed, passed + length);
    passed += length;
    for (const [index, piece] of piecesOf(node, own, here)) last.set(index, piece);
  }
  for (const { index, blocks, endsHere } of here) {
    const piece = last.get(index);
    if (piece && endsHere) placeMark(piece, markOf(index, blocks, citations));
  }
}

/** Wraps what belongs to sentences in one text. Code is coloured later, so there a sentence is the whole block. */
function piecesOf(
  node: Text,
  offsets: readonly number[],
  sentences: readonly { index: number; from: number; to: number }[],
): [number, Element][] {
  const block = node.parentElement?.closest<HTMLElement>(".code-block");
  const pieces: [number, Element][] = [];
  // From the end, so that what is cut off stays behind.
  for (const { index, from, to } of sentences.toReversed()) {
    const first = offsets.findIndex((offset) => offset >= from && offset < to);
    const end = offsets.findLastIndex((offset) => offset >= from && offset < to) + 1;
    if (first < 0 || node.data.slice(first, end).trim() === "") continue;
    if (block) block.dataset["sentence"] = String(index);
    pieces.push([index, block ?? wrap(node, first, end, pieceOf(index))]);
  }
  return pieces;
}

function pieceOf(index: number): HTMLElement {
  const element = document.createElement("span");
  element.className = "sentence";
  element.dataset["sentence"] = String(index);
  return element;
}

/** A button with the number of the sentence's best source in the list below the answer. */
function markOf(index: number, blocks: readonly Citation[], citations: readonly Citation[]): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "source-mark";
  button.dataset["sentence"] = String(index);
  const best = blocks[0];
  const number = best ? citations.findIndex((citation) => overlaps(citation, best)) + 1 : 0;
  button.textContent = number > 0 ? String(number) : "•";
  const places = blocks.map(rangeText).join(", ");
  button.ariaLabel = number > 0 ? t("Source {0}: {1}", number, places) : t("Sources: {0}", places);
  return button;
}

/** After the sentence, outside of what it ends in: a mark is no part of code or of a link. In a block of code, in its bar. */
function placeMark(piece: Element, button: HTMLElement): void {
  const bar = piece.querySelector(":scope > .code-bar .code-language");
  if (bar) return bar.after(button);
  let end = piece;
  while (end.parentElement?.matches("code, strong, em, s, a") && !end.nextSibling) end = end.parentElement;
  end.after(button);
}

/** Neighbouring blocks are one source in the list, and may be several of a sentence. */
function overlaps(a: Citation, b: Citation): boolean {
  return a.path === b.path && a.startLine <= b.endLine && b.startLine <= a.endLine;
}
