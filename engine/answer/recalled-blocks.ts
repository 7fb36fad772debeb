/** From a ranking to what a caller of `recall` is given. */
import type { RecalledBlock, RecallParams } from "../protocol/requests.ts";
import type { Hit } from "../retrieval/named-blocks.ts";
import type { Store } from "../store/store.ts";

const DEFAULT_TOP = 8;

/** The best blocks, best first; of these, the ones that no longer fit `maxTokens` are left out. */
export function recalledBlocks(
  store: Store,
  hits: readonly Hit[],
  { top = DEFAULT_TOP, maxTokens = Infinity, text = false }: RecallParams,
): RecalledBlock[] {
  let left = maxTokens;
  const fitting = hits.slice(0, top).filter(({ block }) => {
    const fits = block.tokens <= left;
    if (fits) left -= block.tokens;
    return fits;
  });
  return store.read((reader) =>
    fitting.map(({ block: { id, path, startLine, endLine, tokens }, score, why }) => {
      const range = { path, startLine, endLine, score, why, tokens };
      return text ? { ...range, text: reader.text(id) ?? "" } : range;
    }),
  );
}
