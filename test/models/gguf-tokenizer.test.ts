import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { expect, test } from "vitest";
import { Fields } from "../../engine/models/fields.ts";
import { tokenizerFromGguf } from "../../engine/models/gguf-tokenizer.ts";
import { readGguf } from "../../engine/models/gguf.ts";
import { ModelFile } from "../../engine/models/model-file.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { createTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { readGolden } from "../tokenizer/golden.ts";
import { goldenPath } from "./golden-checkpoints.ts";

const tokenizerJson = v.object({
  added_tokens: v.array(
    v.object({ id: v.number(), content: v.string(), special: v.boolean(), normalized: v.boolean() }),
  ),
  model: v.object({ vocab: v.record(v.string(), v.number()), merges: v.array(v.tuple([v.string(), v.string()])) }),
});

/** The metadata that a GGUF of this tokenizer.json would have. */
function asMetadata(json: unknown, pre: string): Map<string, unknown> {
  const { model, added_tokens } = v.parse(tokenizerJson, json);
  const tokens = Object.keys(model.vocab).sort((a, b) => (model.vocab[a] ?? 0) - (model.vocab[b] ?? 0));
  const types = tokens.map(() => 1);
  for (const { id, content, special } of added_tokens) {
    tokens[id] = content;
    types[id] = special ? 3 : 4;
  }
  return new Map<string, unknown>([
    ["tokenizer.ggml.model", "gpt2"],
    ["tokenizer.ggml.pre", pre],
    ["tokenizer.ggml.tokens", tokens],
    ["tokenizer.ggml.token_type", types],
    ["tokenizer.ggml.merges", model.merges.map((merge) => merge.join(" "))],
    ["tokenizer.ggml.bos_token_id", 1],
    ["tokenizer.ggml.eos_token_id", 2],
  ]);
}

function rebuild(metadata: ReadonlyMap<string, unknown>, vocabularySize = 1 << 20) {
  return tokenizerFromGguf(new Fields("FILE", (key) => metadata.get(key)), vocabularySize);
}

test.each([
  ["smollm", "smollm"],
  ["llama3", "llama-bpe"],
  ["qwen2", "qwen2"],
])("%s rebuilt from metadata tokenises as from its tokenizer.json", (kind, pre) => {
  const { tokenizer: json, cases } = readGolden(kind);
  const rebuilt = createTokenizer(rebuild(asMetadata(json, pre)));
  // GGUF cannot say that an added token is matched after normalisation, as one in the golden file is.
  const plain = cases.filter(({ text }) => !/\ufb01n|fin/.test(text));
  expect(plain.length).toBeGreaterThan(100);
  for (const { text, plain: ids } of plain) expect({ text, ids: [...rebuilt.encode(text)] }).toEqual({ text, ids });
});

test("a SentencePiece vocabulary with scores tokenises as transformers reads it from the same GGUF", async () => {
  const path = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  const file = await ModelFile.open(path("gguf-sentencepiece.gguf"));
  const { metadata } = readGguf(file);
  await file.close();
  const tokenizer = createTokenizer(rebuild(metadata));
  const schema = v.array(v.object({ text: v.string(), ids: v.array(v.number()), decoded: v.string() }));
  const cases = v.parse(schema, JSON.parse(readFileSync(path("gguf-sentencepiece.json"), "utf8")));
  expect(cases.length).toBeGreaterThan(40);
  for (const { text, ids, decoded } of cases) {
    const made = { text, ids: [...tokenizer.encode(text)], decoded: tokenizer.decode(ids) };
    expect(made).toEqual({ text, ids, decoded });
  }
});

test("special tokens, their flags and the chat template are kept", async () => {
  const model = await openModel(goldenPath("llama.gguf"));
  const { tokenizer, config } = model.tokenizerFiles;
  await model.close();
  expect(config).toMatchObject({
    bos_token: "<|im_start|>",
    eos_token: "<|im_end|>",
    chat_template: expect.stringContaining("add_generation_prompt"),
    add_bos_token: false,
    clean_up_tokenization_spaces: false,
  });
  expect(tokenizer["added_tokens"]).toContainEqual(
    expect.objectContaining({ id: 2, content: "<|im_end|>", special: true }),
  );
});

test("a token named like a property of objects is a token like any other", () => {
  const metadata = asMetadata(readGolden("smollm").tokenizer, "smollm");
  metadata.set("tokenizer.ggml.tokens", ["__proto__", "constructor", "b"]);
  metadata.set("tokenizer.ggml.token_type", [1, 1, 1]);
  const { model } = v.parse(
    v.object({ model: v.object({ vocab: v.custom<object>((value) => typeof value === "object") }) }),
    rebuild(metadata).tokenizer,
  );
  expect(Object.entries(model.vocab)).toEqual([
    ["__proto__", 0],
    ["constructor", 1],
    ["b", 2],
  ]);
});

test.each<[string, unknown, RegExp]>([
  ["tokenizer.ggml.model", "bert", /the tokenizer "bert" is not supported/],
  ["tokenizer.ggml.model", undefined, /tokenizer\.ggml\.model is missing/],
  ["tokenizer.ggml.pre", "klingon", /the pre-tokenizer "klingon" is not supported/],
  ["tokenizer.ggml.tokens", [1, 2], /tokenizer\.ggml\.tokens is a list, not a list of texts/],
  ["tokenizer.ggml.token_type", [1], /tokenizer\.ggml\.token_type has 1 entries for 503 tokens/],
  ["tokenizer.ggml.eos_token_id", 503, /tokenizer\.ggml\.eos_token_id is 503, not an integer from 0 to 502/],
  ["tokenizer.ggml.eos_token_id", 2n ** 60n, /tokenizer\.ggml\.eos_token_id is 1152921504606846976, not an integer/],
  ["tokenizer.ggml.merges", "a b", /tokenizer\.ggml\.merges is "a b", not a list of texts/],
])("a wrong %s (%s) is named", (key, value, message) => {
  const metadata = asMetadata(readGolden("smollm").tokenizer, "smollm");
  metadata.set(key, value);
  expect(() => rebuild(metadata)).toThrow(message);
});

test("more tokens than embeddings are refused", () => {
  const metadata = asMetadata(readGolden("smollm").tokenizer, "smollm");
  expect(() => rebuild(metadata, 502)).toThrow(/tokenizer\.ggml\.tokens has 503 tokens for 502 embeddings/);
});
