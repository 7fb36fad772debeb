import { describe, expect, it } from "vitest";
import { createTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { readGolden } from "./golden.ts";

const KINDS = ["smollm", "llama3", "qwen2", "sentencepiece"];

function open(kind: string, config: Record<string, unknown> = {}) {
  const { tokenizer = {}, cases } = readGolden(kind);
  return { tokenizer: createTokenizer({ tokenizer, config }), cases };
}

describe.each(KINDS)("a tokenizer of the %s kind", (kind) => {
  const { tokenizer, cases } = open(kind);

  it("gives the reference's ids for plain text", () => {
    for (const { text, plain } of cases) expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(plain);
  });

  it("gives the reference's ids for text with special tokens", () => {
    for (const { text, plain, template } of cases) {
      expect([...tokenizer.encodeTemplate(text)], JSON.stringify(text)).toEqual(template ?? plain);
    }
  });

  it("decodes to the reference's text", () => {
    for (const { text, plain, decoded } of cases) expect(tokenizer.decode(plain), JSON.stringify(text)).toBe(decoded);
  });
});
