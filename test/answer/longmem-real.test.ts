import { expect, onTestFinished, test } from "vitest";
import { Engine } from "../../engine/engine.ts";
import { loadModel } from "../../engine/loaded-model.ts";
import { LongMemModel } from "../../engine/inference/longmem-state.ts";
import { longMemWeights } from "../../engine/memory/longmem-weights.ts";
import { openStrategyWeights } from "../../engine/models/strategy-weights.ts";
import type { AskParams, AskResult, CallContext } from "../../engine/protocol/requests.ts";
import { temporaryDataDir } from "../support/engine-data.ts";
import { HARBOUR, harbourProject, filler } from "../support/harbour.ts";
import { bankOf, segmentStates } from "../support/longmem-banks.ts";
import { testModelPath } from "../support/model.ts";
import { nats } from "../support/nats.ts";

const context: CallContext = { signal: new AbortController().signal, onProgress: () => undefined };
const LIMIT = { timeout: 300_000 };

test(
  "asked for it, a folder is answered from its bank: word by word, with the file that was attended to",
  LIMIT,
  async () => {
    const folder = harbourProject();
    const engine = await Engine.open({ dataDir: temporaryDataDir(), model: testModelPath(), threads: 2 });
    onTestFinished(() => engine.close());
    const params: AskParams = {
      folder,
      question: "What is the value of HARBOUR_BERTHS?",
      strategy: "longmem",
      maxTokens: 24,
    };
    const pieces: string[] = [];
    let result: AskResult | undefined;
    for await (const event of engine.ask(params, context)) {
      if (event.type === "token") pieces.push(event.text);
      if (event.type === "end") ({ result } = event);
    }
    expect(pieces.length).toBeGreaterThan(3);
    expect(result?.answer).toBe(pieces.join("").trim());
    expect(result?.tokens.memory).toBeGreaterThan(0);
    expect(result?.citations.map(({ path }) => path)).toContain("src/harbour.py");
  },
);

test("what was read before is expected again, and nothing else is", LIMIT, async () => {
  const options = { dataDir: temporaryDataDir(), model: testModelPath() };
  const { model, prompt } = await loadModel(options, 2, context);
  onTestFinished(() => model.close());
  const weights = longMemWeights(await openStrategyWeights("longmem", model.hash), model.config);
  const longMem = await LongMemModel.open(model, weights, 2);
  onTestFinished(() => longMem.close());
  const header = model.tokenizer.encode("File: tests/again.py\n```python\n");
  const tokens = model.tokenizer.encode(HARBOUR);
  const natsWith = async (texts: string[]) => {
    const segments = texts.map((text) => model.tokenizer.encode(text));
    const states = await segmentStates(model, prompt.prefix, segments, weights.bankLayer);
    const state = longMem.begin(bankOf(model, weights, states).feeds());
    const before = [...prompt.prefix, ...header];
    const hidden = await state.hidden(Int32Array.from([...before, ...tokens]));
    const rows = hidden.subarray((before.length - 1) * model.config.hidden);
    return nats((part) => model.logits(part), rows, tokens, model.config.hidden);
  };
  const other = filler("anchor").slice(0, 1200);
  const [own, another, none] = [await natsWith([other, HARBOUR]), await natsWith([other]), await natsWith([])];
  expect(own).toBeLessThan(0.8 * none);
  expect(own).toBeLessThan(0.8 * another);
});
