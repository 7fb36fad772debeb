import { createHash } from "node:crypto";

import { codeWords } from "../../engine/retrieval/words.ts";
import type { Store } from "../../engine/store/store.ts";

/** Everything that the store holds about its files, a line a block, without ids: two stores of the same content have the same lines. */
export function storeContents(store: Store, indexVersion = "stand-in"): string[] {
  const files = store.files().map(({ path, contentHash }) => `${path} ${contentHash}`);
  return store.read((blocks, lexical, symbols) => {
    const index = new Map(blocks.indexEntries(indexVersion));
    const lengths = lexical.lengths();
    const lines = blocks.placed().map(({ id, header, path, startLine, endLine, tokens }) => {
      const text = blocks.text(id) ?? "";
      const postings = [...new Set(codeWords(text))].map(
        (word) => lexical.postings(word).find(({ block }) => block === id)?.count,
      );
      const defined = [...new Set(codeWords(text))]
        .flatMap((word) => symbols.named(word))
        .filter(({ block }) => block === id)
        .map(({ kind, name }) => `${kind}:${name}`);
      const data = [blocks.kv(id)?.data, blocks.headerKv(header)?.data, index.get(id)].map(digest);
      return [
        path,
        startLine,
        endLine,
        tokens,
        digest(Buffer.from(text)),
        lengths.get(id),
        postings.join(),
        defined.join(),
        ...data,
      ].join(" ");
    });
    return [...files, ...lines, `indexed ${lengths.size} of ${new Set(blocks.placed().map(({ id }) => id)).size}`];
  });
}

function digest(data: Uint8Array | undefined): string {
  return data === undefined ? "missing" : createHash("sha256").update(data).digest("hex").slice(0, 16);
}
