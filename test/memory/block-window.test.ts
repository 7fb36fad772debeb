import { expect, test } from "vitest";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { largestDifference } from "../support/all-logits.ts";
import { randomTokens } from "../support/tiny-tokens.ts";
import { openTinyWorkspace } from "../support/tiny-workspace.ts";

const SIGNAL = new AbortController().signal;

/** Lines of made-up code; each about ten of the tiny tokenizer's tokens. */
function lines(count: number, word: string): string {
  return Array.from({ length: count }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
}

/** Logits of a few tokens read behind a window, which stays as it is. */
async function continued(model: LanguageModel, window: AttentionWindow): Promise<Float32Array> {
  const copy = window.copy(window.length + 32);
  return model.prefill(copy, randomTokens(20, 4), copy.length);
}

test("one file of several blocks, all placed, is as if it were read as text", async () => {
  const { model, encoder, lookUp, filler } = await openTinyWorkspace({ "a.js": lines(22, "abc") });
  const blocks = lookUp.blocks();
  expect(blocks.length).toBeGreaterThan(1);
  expect(new Set(blocks.map(({ segment }) => segment)).size).toBe(1);
  const plain = encoder.prefix.copy(0);
  const plainSlots = await filler.readPlain(blocks, plain, SIGNAL);
  const { window, slots } = filler.place(blocks);
  expect(slots).toEqual(plainSlots);
  expect(window.length).toBe(plain.length);
  // Half precision in the store; all else is the same arithmetic.
  expect(largestDifference(await continued(model, window), await continued(model, plain))).toBeLessThan(0.01);
  // The comparison can tell: without the memory, or at other positions, the logits are others.
  const without = await continued(model, encoder.prefix);
  expect(largestDifference(await continued(model, window), without)).toBeGreaterThan(0.1);
});

test("what a file's blocks hold does not hang on the files beside it", async () => {
  const [own, other] = [lines(20, "own"), lines(33, "other")];
  const alone = await openTinyWorkspace({ "b.js": own });
  const among = await openTinyWorkspace({ "a.js": other, "b.js": own, "c.js": other });
  const stored = ({ store, lookUp }: typeof alone) =>
    lookUp
      .blocks()
      .filter(({ path }) => path === "b.js")
      .map(({ id, header }) => store.read((blocks) => [blocks.kv(id)?.data, blocks.headerKv(header)?.data]));
  expect(stored(alone).flat().length).toBeGreaterThan(2);
  expect(stored(among)).toEqual(stored(alone));
});

test("files stand behind one another, each behind its header; the best block's file last", async () => {
  const files = { "a.js": lines(16, "alpha"), "b.js": lines(16, "beta"), "c.js": lines(16, "gamma") };
  const { encoder, lookUp, filler } = await openTinyWorkspace(files);
  const best = lookUp.blocks().find(({ path }) => path === "b.js");
  if (!best) throw new Error("b.js has no block");
  const { window, slots } = filler.place([best, ...lookUp.blocks().filter((block) => block !== best)]);
  expect(slots.at(-1)?.block.path).toBe("b.js");
  let end = encoder.prefix.length;
  let path = "";
  for (const { block, from, to } of slots) {
    if (block.path !== path) end += encoder.header(block.path).length;
    ({ path } = block);
    expect(from).toBe(end);
    expect(to - from).toBe(block.tokens);
    end = to;
  }
  expect(window.length).toBe(end);
});

test("a block that is gone leaves no gap", async () => {
  const { store, encoder, lookUp, filler } = await openTinyWorkspace({
    "a.js": lines(16, "alpha"),
    "b.js": lines(16, "beta"),
  });
  const blocks = lookUp.blocks();
  const [lost] = blocks;
  if (!lost) throw new Error("nothing was stored");
  store.dropSegmentOf(lost.id);
  const { window, slots } = filler.place(blocks);
  expect(slots.map(({ block }) => block.path)).not.toContain(lost.path);
  const kept = blocks.filter(({ path }) => path !== lost.path);
  expect(slots.map(({ block }) => block)).toEqual(kept);
  expect(slots.at(-1)?.to).toBe(window.length);
  expect(window.length).toBeLessThanOrEqual(
    encoder.prefix.length + 2 * encoder.header("a.js").length + kept.reduce((sum, { tokens }) => sum + tokens, 0),
  );
});
