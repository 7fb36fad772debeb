/** The text of a part of an answer, and pieces of it in elements of their own. */

/** The texts below an element in their order, without those of what matches `except`. */
export function textNodes(element: Element, except: string): Text[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes: Text[] = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (node instanceof Text && !node.parentElement?.closest(except)) nodes.push(node);
  return nodes;
}

/** Puts the characters from `start` to `end` of a text into an element. Returns that element. */
export function wrap(node: Text, start: number, end: number, wrapper: HTMLElement): HTMLElement {
  const piece = start > 0 ? node.splitText(start) : node;
  if (end - start < piece.data.length) piece.splitText(end - start);
  piece.replaceWith(wrapper);
  wrapper.append(piece);
  return wrapper;
}
