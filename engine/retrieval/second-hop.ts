/** The second hop of a look-up: what the best blocks name is often defined elsewhere, and there the answer may stand. */
import type { Store } from "../store/store.ts";

/** Blocks that are read for names. */
export const HOP_SOURCES = 3;
/** Names of one block beyond which more are a table. */
const MAX_NAMES = 64;
/** A name that more blocks define than these says nothing about any. */
const MAX_DEFINITIONS = 3;

/** Names that any code has: they lead nowhere. */
const COMMON =
  /^(?:self|this|super|return|function|const|class|import|from|export|default|async|await|public|private|protected|static|void|string|number|boolean|true|false|null|None|True|False|undefined|type|interface|name|value|values|data|result|index|length|size|args|kwargs|options|error|item|items|list|node|type_|test|main|init|get|set|add|push|next|call|apply|bind|then|map|filter|for|while|else|elif|with|yield|raise|throw|catch|try|except|finally|break|continue|typeof|instanceof|new|delete|struct|enum|unsigned|int|char|bool|float|double|long|short|auto|template|typename|namespace|using|virtual|override|inline|include|define|ifdef|endif|std)$/;

/**
 * The blocks that define what the best blocks name, with how much they are meant: 1 for what only one block defines and the best
 * block names, less further down and for what several define.
 * @param best ids of the `HOP_SOURCES` best blocks, best first
 */
export function secondHop(store: Store, best: readonly number[]): Map<number, number> {
  const strengths = new Map<number, number>();
  store.read((blocks, _, symbols) => {
    for (const [rank, source] of best.entries()) {
      for (const name of namesIn(blocks.text(source) ?? "")) {
        const found = symbols.named(name).filter((symbol) => symbol.name === name);
        const places = new Set(found.map(({ block }) => block));
        if (places.size > MAX_DEFINITIONS || places.has(source)) continue;
        const strength = 1 / (rank + 1) / places.size;
        for (const place of places) strengths.set(place, Math.max(strengths.get(place) ?? 0, strength));
      }
    }
  });
  return strengths;
}

function namesIn(text: string): string[] {
  const names = new Set(text.match(/[\p{L}_$][\p{L}\p{N}_$]{2,63}/gu) ?? []);
  return [...names].filter((name) => !COMMON.test(name)).slice(0, MAX_NAMES);
}
