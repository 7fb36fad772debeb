import { describe, expect, it } from "vitest";
import { createTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { readGolden } from "./golden.ts";

const KINDS = ["smollm", "llama3", "qwen2", "sentencepiece"];

function open(kind: string, config: Record<string, unknown> = {}, changes: Record<string, unknown> = {}) {
  const { tokenizer = {}, cases } = readGolden(kind);
  return { tokenizer: createTokenizer({ tokenizer: { ...tokenizer, ...changes }, config }), cases };
}

describe.each(KINDS)("a tokenizer of the %s kind", (kind) => {
  const { tokenizer, cases } = open(kind);

  it("gives the reference's ids for plain text", () => {
    const got = cases.map(({ text }) => ({ text, ids: [...tokenizer.encode(text)] }));
    expect(got).toEqual(cases.map(({ text, plain }) => ({ text, ids: plain })));
  });

  it("gives the reference's ids for text with special tokens", () => {
    const got = cases.map(({ text }) => ({ text, ids: [...tokenizer.encodeTemplate(text)] }));
    expect(got).toEqual(cases.map(({ text, plain, template }) => ({ text, ids: template ?? plain })));
  });

  it("decodes to the reference's text", () => {
    expect(cases.map(({ plain }) => tokenizer.decode(plain))).toEqual(cases.map(({ decoded }) => decoded));
  });

  it("never finds a control token in plain text", () => {
    const ids = cases.flatMap(({ text }) => [...tokenizer.encode(text)]);
    expect(ids.filter((id) => tokenizer.endTokens.has(id))).toEqual([]);
  });
});

describe("byte-level tokens", () => {
  const { tokenizer } = open("smollm", { eos_token: "<|im_end|>", bos_token: "<|im_start|>" });
  const concat = (text: string): Buffer => Buffer.concat([...tokenizer.encode(text)].map((id) => tokenizer.bytes(id)));

  it("stand for exactly the text's bytes", () => {
    const text = "tab\t nul\0 π 漢字 👍🏽 \r\n\ufeff end";
    expect(concat(text).toString("utf8")).toBe(text);
  });

  it("keep every code point", () => {
    for (let start = 0; start < 0x110000; start += 0x1000) {
      const points = Array.from({ length: 64 }, (_, i) => start + i * 61).filter((p) => p < 0xd800 || p > 0xdfff);
      const text = String.fromCodePoint(...points);
      expect(concat(text).toString("utf8")).toBe(text);
    }
  });

  it("are the same for a text that was seen before", () => {
    const text = "def again(): return 42\n".repeat(3);
    expect(tokenizer.encode(text)).toEqual(tokenizer.encode(text));
  });

  it("are empty for control tokens and for ids beyond the vocabulary", () => {
    expect(tokenizer.bytes(1)).toEqual(new Uint8Array());
    expect(tokenizer.bytes(tokenizer.vocabulary)).toEqual(new Uint8Array());
    expect(tokenizer.decode([1, 2, tokenizer.vocabulary])).toBe("");
  });

  it("end at EOS and at the known ends of turns", () => {
    expect(tokenizer.endTokens).toEqual(new Set([0, 2]));
    expect(tokenizer.bosToken).toBe(1);
    expect(open("smollm").tokenizer.bosToken).toBeUndefined();
  });
});

describe("SentencePiece tokens", () => {
  const { tokenizer } = open("sentencepiece");

  it("stand for their text or their byte", () => {
    const bytes = [...tokenizer.encode("a 🙂")].map((id) => Buffer.from(tokenizer.bytes(id)));
    expect(Buffer.concat(bytes).toString("utf8")).toBe(" a 🙂");
  });

  it("are not merged into a control token", () => {
    const { tokenizer: json = {} } = readGolden("sentencepiece");
    const vocab = { "<unk>": 0, "<s>": 1, "</s>": 2, "<": 3, "/": 4, s: 5, ">": 6, "</": 7, "s>": 8, "▁": 9 };
    const merges = ["< /", "s >", "</ s>"];
    const model = { type: "BPE", vocab, merges, unk_token: "<unk>" };
    const tricky = createTokenizer({ tokenizer: { ...json, model }, config: {} });
    expect([...tricky.encode("</s>")]).toEqual([9, 3, 4, 8]);
    expect([...tricky.encodeTemplate("</s>")]).toEqual([2]);
  });
});

describe("added tokens", () => {
  const token = (id: number, content: string, more: object = {}) => ({ id, content, special: true, ...more });
  const { tokenizer } = open(
    "smollm",
    {},
    {
      added_tokens: [
        token(600, "<|a|>", { lstrip: true, rstrip: true }),
        token(601, "<|a|><|b|>"),
        token(602, "<|fim|>", { special: false }),
        token(603, "<tool>", { special: false }),
        token(604, "$^[x]", { normalized: true }),
      ],
    },
  );
  const named = (text: string) => [...tokenizer.encodeTemplate(text)].filter((id) => id >= 600);

  it("are matched longest first, whatever characters they have", () => {
    expect(named("<|a|><|b|> <|a|> $^[x] $^x")).toEqual([601, 600, 604]);
  });

  it("take the white space beside them along where they say so", () => {
    expect([...tokenizer.encodeTemplate("x \n<|a|>\t y")]).toEqual([
      ...tokenizer.encode("x"),
      600,
      ...tokenizer.encode("y"),
    ]);
  });

  it("that steer the model stay plain text in files, even if not marked as special", () => {
    const plain = [...tokenizer.encode("<|fim|><|a|>$^[x]")];
    expect(plain.filter((id) => id >= 600)).toEqual([]);
    expect([...tokenizer.encode("<tool>")]).toEqual([603]);
    expect(new TextDecoder().decode(tokenizer.bytes(603))).toBe("<tool>");
  });
});

describe("a damaged tokenizer", () => {
  const { tokenizer: json = {} } = readGolden("smollm");

  it.each([
    ["no model", { model: undefined }, "model-invalid", /model/],
    ["another algorithm", { model: { type: "Unigram", vocab: [] } }, "model-unsupported", /Unigram/],
    ["a huge id", { model: { type: "BPE", vocab: { a: 2 ** 40 }, merges: [] } }, "model-invalid", /vocab\.a/],
    ["a negative id", { added_tokens: [{ id: -1, content: "a" }] }, "model-invalid", /added_tokens\.0\.id/],
    ["an empty added token", { added_tokens: [{ id: 1, content: "" }] }, "model-invalid", /content/],
    ["unknown steps", { pre_tokenizer: { type: "Nonsense" } }, "model-invalid", /Nonsense/],
    [
      "a way of splitting that is not known",
      { pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious" } },
      "model-unsupported",
      /mergedwithprevious/,
    ],
    [
      "a bad pattern",
      { pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" } },
      "model-invalid",
      /tokenizer/,
    ],
  ])("with %s gets one clear error", (_, changes, code, message) => {
    const create = () => createTokenizer({ tokenizer: { ...json, ...changes }, config: {} });
    expect(create).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it("leaves out text that it has no token for, as the reference does", () => {
    const model = { type: "BPE", vocab: { a: 0 }, merges: [] };
    const tokenizer = createTokenizer({ tokenizer: { ...json, added_tokens: [], model }, config: {} });
    expect([...tokenizer.encode("aba")]).toEqual([0, 0]);
  });
});
