import { expect, test } from "vitest";
import { generateParts, type PartStep } from "../../engine/answer/generate-parts.ts";
import { WindowState } from "../../engine/inference/decoding-state.ts";
import { openTinyModel } from "../support/tiny-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

const SIGNAL = new AbortController().signal;

async function steps(parts: string[], maxTokens: number, signal = SIGNAL): Promise<PartStep[]> {
  const model = await openTinyModel("llama", 512);
  const found: PartStep[] = [];
  const window = model.window(64);
  for await (const step of generateParts(new WindowState(model, window), randomTokens(12, 3), parts, {
    maxTokens,
    signal,
  }))
    found.push(step);
  return found;
}

test("each part begins with what is given, and all together keep to the tokens", async () => {
  const found = await steps(["One", "\n\nTwo", "\n\nThree"], 12);
  expect(found.filter(({ isGiven }) => isGiven).map(({ text }) => text)).toEqual(["One", "\n\nTwo", "\n\nThree"]);
  expect(found.at(-1)?.tokens).toBeLessThanOrEqual(12);
  expect(found.filter(({ finish }) => finish !== undefined)).toEqual([found.at(-1)]);
  const counts = found.map(({ tokens }) => tokens);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
});

test("one part is what the model writes behind it", async () => {
  const model = await openTinyModel("llama", 512);
  const suffix = randomTokens(12, 3);
  const text = (found: readonly PartStep[]) => found.map((step) => step.text).join("");
  const given = await steps(["const"], 8);
  const plain: PartStep[] = [];
  const tokens = Int32Array.from([...suffix, ...model.tokenizer.encode("const")]);
  for await (const step of generateParts(new WindowState(model, model.window(64)), tokens, [], {
    maxTokens: 8,
    signal: SIGNAL,
  })) {
    plain.push(step);
  }
  expect(text(given)).toBe(`const${text(plain)}`);
});

test("a stop ends all parts", async () => {
  const abort = new AbortController();
  const model = await openTinyModel("llama", 512);
  const found: PartStep[] = [];
  const options = { maxTokens: 30, signal: abort.signal };
  const state = new WindowState(model, model.window(64));
  for await (const step of generateParts(state, randomTokens(12, 3), ["One", "Two"], options)) {
    found.push(step);
    if (step.tokens === 2) abort.abort();
  }
  expect(found.at(-1)?.finish).toBe("cancelled");
  expect(found.filter(({ isGiven }) => isGiven)).toHaveLength(1);
});
