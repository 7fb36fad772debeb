import { expect, test } from "vitest";
import { WindowState } from "../../engine/inference/decoding-state.ts";
import { generate, type GenerateOptions, type GenerateStep } from "../../engine/inference/generate.ts";
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import { argmax } from "../../engine/inference/logits.ts";
import { openTinyModel } from "../support/tiny-model.ts";
import { randomTokens } from "../support/tiny-tokens.ts";

const SUFFIX = randomTokens(6, 3);

function options(changes: Partial<GenerateOptions> = {}): GenerateOptions {
  return { maxTokens: 24, signal: new AbortController().signal, ...changes };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function steps(model: LanguageModel, changes: Partial<GenerateOptions> = {}): Promise<GenerateStep[]> {
  return collect(generate(new WindowState(model, model.window(0)), SUFFIX, options(changes)));
}

function textOf(all: readonly GenerateStep[]): string {
  return all.map(({ text }) => text).join("");
}

/** What greedy decoding is: the likeliest token, again and again. */
async function likeliest(model: LanguageModel, count: number): Promise<number[]> {
  const window = model.window(0);
  let logits = await model.prefill(window, SUFFIX, 0);
  const tokens: number[] = [];
  while (tokens.length < count) {
    const token = argmax(logits);
    tokens.push(token);
    ({ logits } = await model.decode(window, token, window.length));
  }
  return tokens;
}

/** The same model, for which `token` ends a turn. */
function endingAt(model: LanguageModel, token: number | undefined): LanguageModel {
  const tokenizer = new Proxy(model.tokenizer, {
    get: (target, name) => {
      if (name === "endTokens") return new Set([token]);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return new Proxy(model, {
    get: (target, name) => {
      if (name === "tokenizer") return tokenizer;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("without sampling the likeliest token comes each time, and the same text again", async () => {
  const model = await openTinyModel();
  const count = 9; // fewer than a loop has
  const first = await steps(model, { maxTokens: count });
  expect(textOf(first)).toBe(model.tokenizer.decode(await likeliest(model, count)));
  expect(textOf(await steps(model, { maxTokens: count }))).toBe(textOf(first));
  expect(first.at(-1)).toMatchObject({ finish: "length", tokens: count });
});

test("a seed names a text: the same again, another with another seed", async () => {
  const model = await openTinyModel();
  const sampled = async (seed: number) => textOf(await steps(model, { temperature: 1.5, seed }));
  const first = await sampled(7);
  expect(await sampled(7)).toBe(first);
  const others = new Set([first, await sampled(8), await sampled(9)]);
  expect(others.size).toBe(3);
});

test("an end token ends the answer and is no part of it", async () => {
  const model = await openTinyModel();
  const tokens = await likeliest(model, 9);
  const at = 4;
  const end = tokens.indexOf(tokens[at] ?? -1); // it may come earlier too
  const all = await collect(
    generate(new WindowState(endingAt(model, tokens[at]), model.window(0)), SUFFIX, options({ maxTokens: 9 })),
  );
  expect(all.at(-1)).toMatchObject({ finish: "stop", tokens: end });
  expect(textOf(all)).toBe(model.tokenizer.decode(tokens.slice(0, end)));
});

test("after an abort no further token is computed", async () => {
  const model = await openTinyModel();
  const window = model.window(0);
  const abort = new AbortController();
  let last: GenerateStep | undefined;
  for await (const step of generate(new WindowState(model, window), SUFFIX, options({ signal: abort.signal }))) {
    last = step;
    if (step.tokens === 3) abort.abort();
  }
  expect(last).toMatchObject({ finish: "cancelled", tokens: 3 });
  expect(window.length).toBeLessThanOrEqual(SUFFIX.length + 3);
});

test("a call that was aborted before it began reads nothing", async () => {
  const model = await openTinyModel();
  const window = model.window(0);
  const run = collect(generate(new WindowState(model, window), SUFFIX, options({ signal: AbortSignal.abort() })));
  await expect(run).rejects.toMatchObject({ name: "AbortError" });
  expect(window.length).toBe(0);
});

test("generation ends at the model's last position", async () => {
  const model = await openTinyModel("llama", SUFFIX.length + 5);
  const window = model.window(0);
  const all = await collect(generate(new WindowState(model, window), SUFFIX, options({ maxTokens: 1000 })));
  expect(all.at(-1)).toMatchObject({ finish: "length", tokens: 5 });
  expect(window.length).toBeLessThanOrEqual(model.positions);
});

test("attention over the window and the token itself sums to one in every head", async () => {
  const model = await openTinyModel();
  const watched = (await steps(model, { maxTokens: 4 })).flatMap(({ attention }) => attention ?? []);
  expect(watched.length).toBeGreaterThan(0);
  for (const { weights, width } of watched) {
    expect([...weights.keys()]).toEqual(model.observed);
    for (const all of weights.values()) {
      expect(all.length).toBe(model.config.heads * width);
      for (let head = 0; head < model.config.heads; head++) {
        const sum = all.subarray(head * width, (head + 1) * width).reduce((total, weight) => total + weight, 0);
        expect(sum).toBeCloseTo(1, 4);
      }
    }
  }
});
