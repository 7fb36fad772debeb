/** Against the model's own probabilities, one block at a time, in plain windows. */
import { expect, onTestFinished, test, vi } from "vitest";
import { LookUp } from "../../engine/answer/look-up.ts";
import { QuestionLikelihood } from "../../engine/answer/question-likelihood.ts";
import type { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { logSoftmax } from "../../engine/inference/logits.ts";
import { QUESTION_LEAD } from "../../engine/inference/prompt.ts";
import type { Store } from "../../engine/store/store.ts";
import { asked as question, openTinyWorkspace } from "../support/tiny-workspace.ts";

const QUESTION = "Where is the harbour's depth kept?";

function files(): Record<string, string> {
  const text = (word: string) => Array.from({ length: 20 }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
  return Object.fromEntries(["alpha", "beta", "gamma"].map((word) => [`${word}/of/${word}.js`, text(word)]));
}

async function openLikelihood(store: Store, model: LanguageModel, encoder: BlockEncoder): Promise<QuestionLikelihood> {
  const likelihood = await QuestionLikelihood.open(store, model, encoder, { threads: 1, log: () => undefined });
  onTestFinished(() => likelihood.close());
  return likelihood;
}

async function open() {
  const workspace = await openTinyWorkspace(files());
  const { store, model, encoder, lookUp } = workspace;
  const reader = () => openLikelihood(store, model, encoder);
  return { ...workspace, blocks: lookUp.blocks(), likelihood: await reader(), reader };
}

test("a block's likelihood is what the model gives the question behind that block alone", async () => {
  const { model, encoder, filler, blocks, likelihood } = await open();
  expect(blocks.length).toBeGreaterThan(5);
  const scores = await likelihood.score(blocks, QUESTION);
  expect([...scores.keys()]).toEqual(blocks.map(({ id }) => id));
  const asked = encoder.tokenize(QUESTION);
  for (const block of blocks) {
    const { window } = filler.place([block]);
    let logits = await model.prefill(window, encoder.tokenize(QUESTION_LEAD), window.length);
    let sum = 0;
    for (const token of asked) {
      sum += logSoftmax(logits)[token] ?? 0;
      ({ logits } = await model.decode(window, token, window.length));
    }
    // Prefill and decode round their products differently.
    expect(Math.abs((scores.get(block.id) ?? 0) - sum)).toBeLessThan(0.02 * asked.length);
  }
});

test("blocks that have no keys and values are left out, whatever the others of their run", async () => {
  const { store, blocks, likelihood, reader } = await open();
  const whole = await likelihood.score(blocks, QUESTION);
  store.dropSegmentOf(blocks[1]?.id ?? 0);
  const gone = new Set(blocks.filter(({ segment }) => segment === blocks[1]?.segment).map(({ id }) => id));
  // What the first one holds in memory is served from there.
  const scores = await (await reader()).score(blocks, QUESTION);
  expect([...scores.keys()]).toEqual(blocks.map(({ id }) => id).filter((id) => !gone.has(id)));
  for (const [id, score] of scores) expect(score).toBeCloseTo(whole.get(id) ?? 0, 1);
});

test("nothing asked is nothing read", async () => {
  const { blocks, likelihood } = await open();
  expect(await likelihood.score(blocks, "")).toEqual(new Map());
});

test("an aborted question is not read", async () => {
  const { blocks, likelihood } = await open();
  await expect(likelihood.score(blocks, QUESTION, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});

test("blocks of files that are left out are neither looked at nor counted", async () => {
  const { store, model, encoder } = await openTinyWorkspace(files());
  const likelihood = await QuestionLikelihood.open(store, model, encoder, { threads: 1, log: () => undefined });
  const score = vi.spyOn(likelihood, "score");
  const lookUp = await LookUp.open(store, encoder, 1, likelihood);
  onTestFinished(() => lookUp.close());
  const left = "beta/of/beta.js";
  // Its words are all in the file that is left out: with that file nothing would be looked at.
  const ranked = await lookUp.rankClosely(question("beta beta"), new AbortController().signal, [left]);
  expect(ranked.length).toBeGreaterThan(3);
  expect(ranked.map(({ block }) => block.path)).not.toContain(left);
  const looked = score.mock.calls.flatMap(([blocks]) => blocks.map(({ path }) => path));
  expect(looked.length).toBeGreaterThan(3);
  expect(looked).not.toContain(left);
});
