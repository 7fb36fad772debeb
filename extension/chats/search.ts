/** Characters that are shown before what was found, and in all. */
const BEFORE = 24;
const LONGEST = 120;

/** The place in `text` that has every word of the query, around its first word; undefined when one is missing. Ignores case. */
export function excerptOf(text: string, query: string): string | undefined {
  const lower = text.toLowerCase();
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.every((word) => lower.includes(word))) return undefined;
  const at = Math.max(0, lower.indexOf(words[0] ?? "") - BEFORE);
  const shown = text
    .slice(at, at + LONGEST)
    .replace(/\s+/g, " ")
    .trim();
  return `${at > 0 ? "…" : ""}${shown}${at + LONGEST < text.length ? "…" : ""}`;
}
