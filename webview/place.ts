import type { Place } from "./protocol/turn.ts";

/** A file's lines as one would write them: `src/a.ts:3-9`. */
export function rangeText({ path, startLine, endLine }: Place): string {
  return startLine === endLine ? `${path}:${startLine}` : `${path}:${startLine}-${endLine}`;
}
