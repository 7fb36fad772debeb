import { expect, onTestFinished, test } from "vitest";
import { PublishedInfllm } from "../../engine/answer/infllm-published.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import type { AnswerEvent } from "../../engine/protocol/requests.ts";
import { openTinyWorkspace } from "../support/tiny-workspace.ts";

const settings = {
  initTokens: 16,
  localTokens: 64,
  blockTokens: 16,
  topBlocks: 3,
  representatives: 4,
  chunkTokens: 64,
};

function lines(count: number, word: string): string {
  return Array.from({ length: count }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
}

async function open(files: Record<string, string>) {
  const { store, model, encoder } = await openTinyWorkspace(files);
  const prompt = new PromptWriter(model.tokenizer, model.tokenizerFiles);
  const published = new PublishedInfllm({ store, model, encoder, prompt, threads: 1, settings });
  onTestFinished(() => published.close());
  const ask = async (signal = new AbortController().signal) => {
    const events: AnswerEvent[] = [];
    const params = { folder: "", question: "What is beta?", maxTokens: 12 };
    for await (const event of published.ask(params, performance.now(), signal)) events.push(event);
    return events;
  };
  return { store, model, encoder, prompt, ask };
}

test("the whole folder is read in path order, and each layer's blocks are named as places in it", async () => {
  const { store, encoder, prompt, ask } = await open({ "b.js": lines(12, "beta"), "a.js": lines(12, "alpha") });
  const [first, ...rest] = await ask();
  const blocks = store.read((reader) => reader.placed());
  const headers = ["a.js", "b.js"].reduce((sum, path) => sum + encoder.header(path).length, 0);
  const tokens = prompt.prefix.length + headers + blocks.reduce((sum, block) => sum + block.tokens, 0);
  expect(first).toMatchObject({ type: "lookup", memoryTokens: tokens });
  if (first?.type !== "lookup") throw new Error("The first event is no look-up");
  expect(first.blocks.length).toBeGreaterThan(0);
  for (const { path, startLine, endLine, score } of first.blocks) {
    expect(blocks).toContainEqual(expect.objectContaining({ path, startLine, endLine }));
    expect(score).toBeGreaterThan(0);
    expect(score).toBeLessThanOrEqual(1);
  }
  const end = rest.at(-1);
  if (end?.type !== "end") throw new Error("The last event is no end");
  const shown = rest.map((event) => (event.type === "token" ? event.text : "")).join("");
  expect(shown.trim().startsWith(end.result.answer)).toBe(true);
  expect(end.result).toMatchObject({ citations: [], tokens: { memory: tokens }, finish: expect.any(String) });
});

test("a folder is read once for all questions: the second answer is the first one", async () => {
  const { ask } = await open({ "a.js": lines(20, "alpha"), "b.js": lines(9, "beta") });
  const answers = [await ask(), await ask()].map((events) => events.at(-1));
  const texts = answers.map((event) => (event?.type === "end" ? event.result.answer : undefined));
  expect(texts[0]).toBeDefined();
  expect(texts[1]).toBe(texts[0]);
});

test("reading stops when the question is taken back", async () => {
  const { ask } = await open({ "a.js": lines(20, "alpha") });
  await expect(ask(AbortSignal.abort())).rejects.toThrow(/abort/i);
});
