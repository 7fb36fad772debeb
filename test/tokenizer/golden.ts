import { readFileSync } from "node:fs";
import * as v from "valibot";

const ids = v.array(v.number());
const schema = v.object({
  tokenizer: v.optional(v.record(v.string(), v.unknown())),
  cases: v.array(v.object({ text: v.string(), plain: ids, template: v.optional(ids), decoded: v.string() })),
});

/** What `test/golden/make_tokenizer.py` wrote for one kind of tokenizer. */
export type TokenizerGolden = v.InferOutput<typeof schema>;

/** Reads `test/golden/tokenizer-<kind>.json`. */
export function readGolden(kind: string): TokenizerGolden {
  const text = readFileSync(new URL(`../golden/tokenizer-${kind}.json`, import.meta.url), "utf8");
  return v.parse(schema, JSON.parse(text));
}
