import { expect, onTestFinished, test } from "vitest";
import { logSoftmax } from "../../engine/inference/logits.ts";
import { TokenLikelihood } from "../../engine/inference/token-likelihood.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { openTinyModel } from "../support/tiny-model.ts";

test("likelihoods are those of the model's logits, of more tokens than one run takes and of none", async () => {
  const model = await openTinyModel();
  const { hidden: width, vocabulary } = model.config;
  const likelihood = await TokenLikelihood.open(model, 1);
  onTestFinished(() => likelihood.close());
  const random = seededRandom(4);
  const tokens = Int32Array.from({ length: 150 }, () => randomInteger(random, vocabulary));
  const hidden = Float32Array.from({ length: tokens.length * width }, () => random() * 4 - 2);
  const got = await likelihood.of(hidden, tokens);
  expect(got.length).toBe(tokens.length);
  for (const [i, token] of tokens.entries()) {
    const logits = await model.logits(hidden.slice(i * width, (i + 1) * width));
    // Runs of one row and of many round their products differently.
    expect(Math.abs((got[i] ?? NaN) - (logSoftmax(logits)[token] ?? NaN))).toBeLessThan(0.02);
  }
  expect(await likelihood.of(new Float32Array(0), new Int32Array(0))).toEqual(new Float32Array(0));
});
