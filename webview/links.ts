import { t } from "./l10n.ts";
import { rangeText } from "./place.ts";
import type { AnswerLink } from "./protocol/turn.ts";
import { textNodes, wrap } from "./text-nodes.ts";

/** What may stand on both sides of a name that is a link: not a part of a longer one. */
const PART_OF_NAME = /[\w/.-]/;

/** Makes links of the words that the extension found to name something. Code in blocks stays as it is. */
export function addLinks(element: Element, links: readonly AnswerLink[]): void {
  // Longer ones first: `src/a.ts:3` before `src/a.ts`.
  for (const link of links.toSorted((a, b) => b.text.length - a.text.length)) {
    for (const node of textNodes(element, "pre, a, .code-bar")) linkIn(node, link);
  }
}

function linkIn(node: Text, link: AnswerLink): void {
  const at = wholeName(node.data, link.text);
  if (at < 0) return;
  wrap(node, at, at + link.text.length, anchor(link));
  // What comes after it in the same text.
  const rest = textAfter(node);
  if (rest) linkIn(rest, link);
}

/** After `wrap`, `node` is either what stood before the name or the name itself. */
function textAfter(node: Text): Text | undefined {
  const wrapper = node.parentElement?.matches("a.link") ? node.parentElement : node.nextSibling;
  const next = wrapper?.nextSibling;
  return next instanceof Text ? next : undefined;
}

function wholeName(text: string, name: string): number {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const after = text.slice(at + name.length);
    const isEnd = !PART_OF_NAME.test(after.charAt(0)) || /^[.-]+(\s|$)/.test(after);
    if (isEnd && !PART_OF_NAME.test(text.charAt(at - 1))) return at;
  }
  return -1;
}

function anchor({ path, startLine, endLine }: AnswerLink): HTMLElement {
  const link = document.createElement("a");
  link.className = "link";
  link.role = "link";
  link.tabIndex = 0;
  link.title = t("Open {0}", rangeText({ path, startLine, endLine }));
  Object.assign(link.dataset, { path, line: String(startLine), endLine: String(endLine) });
  return link;
}
