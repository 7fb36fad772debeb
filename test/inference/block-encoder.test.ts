import { expect, test } from "vitest";
import type { EncodedSegment, SegmentInput } from "../../engine/blocks/block.ts";
import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { segmentText } from "../../engine/ingest/segmenter.ts";
import { largestDifference } from "../support/all-logits.ts";
import { openTinyModel } from "../support/tiny-model.ts";

async function createEncoder(architecture = "llama"): Promise<{ model: LanguageModel; encoder: BlockEncoder }> {
  const model = await openTinyModel(architecture, 1024);
  return { model, encoder: await BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles)) };
}

/** A file's first segment, behind its header. */
function input(encoder: BlockEncoder, path: string, text: string): SegmentInput {
  const header = encoder.header(path);
  const [segment] = segmentText(text, encoder.maxSegmentTokens - header.length, (part) => encoder.tokenize(part));
  if (!segment) throw new Error(`${path} has no text`);
  return { header, segment };
}

function lines(count: number, word: string): string {
  return Array.from({ length: count }, (_, i) => `${word}(${i});\n`).join("");
}

function tokensOf({ header, segment }: SegmentInput): number[] {
  return [...header, ...segment.blocks.flatMap(({ tokens }) => [...tokens])];
}

/** A segment's own rows of every layer: keys, then values. */
function rows(encoded: EncodedSegment, tokens: number, encoder: BlockEncoder): Float32Array[] {
  const width = encoder.shape.kvHeads * encoder.shape.headDim;
  const { row, kv } = encoded;
  return [...kv.keys, ...kv.values].map((all) => all.slice(row * width, (row + tokens) * width));
}

test("a segment's keys and values are those of its tokens behind the prefix, whatever is encoded beside it", async () => {
  const { model, encoder } = await createEncoder();
  const inputs = [
    input(encoder, "a.ts", lines(20, "alpha")),
    input(encoder, "b.ts", lines(7, "beta")),
    input(encoder, "c.ts", lines(11, "c")),
  ];
  const together = await encoder.encode(inputs);
  for (const [i, one] of inputs.entries()) {
    const tokens = Int32Array.from(tokensOf(one));
    const among = together[i];
    const [alone] = await encoder.encode([one]);
    if (!among || !alone) throw new Error("a segment was not encoded");
    expect(rows(among, tokens.length, encoder)).toEqual(rows(alone, tokens.length, encoder));
    const positions = Int32Array.from(tokens, (_, at) => encoder.prefix.length + at);
    const { kv } = await model.run(encoder.prefix, tokens, positions);
    for (const [layer, own] of rows(alone, tokens.length, encoder).entries())
      expect(largestDifference(own, [...kv.keys, ...kv.values][layer] ?? [])).toBe(0);
  }
});

test("the same text behind another path is another segment: the header is seen", async () => {
  const { encoder } = await createEncoder();
  const [one, other] = [input(encoder, "one.ts", lines(9, "same")), input(encoder, "two.ts", lines(9, "same"))];
  expect(other.header.length).toBe(one.header.length);
  const [a, b] = await encoder.encode([one, other]);
  if (!a || !b) throw new Error("a segment was not encoded");
  const count = tokensOf(one).length;
  const difference = largestDifference(rows(a, count, encoder).at(-1) ?? [], rows(b, count, encoder).at(-1) ?? []);
  expect(difference).toBeGreaterThan(1e-3);
});

test("there is a look-up entry for every block", async () => {
  const { encoder } = await createEncoder();
  const one = input(encoder, "a.ts", lines(30, "alpha"));
  expect(one.segment.blocks.length).toBeGreaterThan(1);
  const [encoded] = await encoder.encode([one]);
  expect(encoded?.index).toHaveLength(one.segment.blocks.length);
  expect(encoded?.headerTokens).toBe(one.header.length);
});

test("a path of any length leaves room for text", async () => {
  const { encoder } = await createEncoder();
  const header = encoder.header(`${"very/deep/".repeat(400)}file.ts`);
  expect(header.length).toBeLessThanOrEqual(encoder.maxSegmentTokens / 2);
});

test("what blocks are kept under names the weights, and stays the same from one start to the next", async () => {
  const [first, again, other] = [await createEncoder(), await createEncoder(), await createEncoder("qwen3")];
  expect(again.encoder.key).toBe(first.encoder.key);
  expect(other.encoder.key).not.toBe(first.encoder.key);
});

test("a model with few positions takes segments that fit behind the prefix", async () => {
  const model = await openTinyModel("llama", 256);
  const encoder = await BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles));
  expect(encoder.prefix.length + encoder.maxSegmentTokens).toBe(256);
  const [encoded] = await encoder.encode([input(encoder, "a.ts", lines(200, "alpha"))]);
  expect(encoded?.index.length).toBeGreaterThan(0);
});
