import type { AddedToken } from "./tokenizer-json.ts";

/** A stretch of plain text, or the added token that stood there. */
export type TextPart = string | AddedToken;

/** Cuts a text at added tokens; parts in order, no empty text. */
export type Splitter = (text: string) => TextPart[];

/**
 * A splitter for `tokens`: at each place the longest one wins, as in the reference. A token with `lstrip` or `rstrip`
 * takes the white space beside it along.
 */
export function createSplitter(tokens: readonly AddedToken[]): Splitter {
  if (tokens.length === 0) return (text) => (text === "" ? [] : [text]);
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((content) => escapePattern(content)).join("|"), "gu");
  return (text) => stripped(cut(text, pattern, byContent)).filter((part) => part !== "");
}

/** `RegExp.escape` is too new for the oldest Node that editors ship. */
function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function cut(text: string, pattern: RegExp, byContent: ReadonlyMap<string, AddedToken>): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const token = byContent.get(match[0]);
    if (token === undefined) continue;
    parts.push(text.slice(end, match.index), token);
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

function stripped(parts: TextPart[]): TextPart[] {
  return parts.map((part, i) => {
    if (typeof part !== "string") return part;
    const before = parts[i - 1];
    const after = parts[i + 1];
    let text = part;
    if (typeof before === "object" && before.rstrip) text = text.trimStart();
    if (typeof after === "object" && after.lstrip) text = text.trimEnd();
    return text;
  });
}
