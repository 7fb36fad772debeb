import { expect, test } from "vitest";
import { Engine } from "../engine/engine.ts";
import type { AnswerEvent, AskResult, CallContext, EngineOptions } from "../engine/protocol/requests.ts";
import { temporaryDataDir } from "./support/engine-data.ts";
import { temporaryFolder, writeFile } from "./support/folder.ts";
import { filler, HARBOUR, harbourProject } from "./support/harbour.ts";
import { testModelPath } from "./support/model.ts";

function context(signal = new AbortController().signal): CallContext {
  return { signal, onProgress: () => undefined };
}

async function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  return Engine.open({ dataDir: temporaryDataDir(), model: testModelPath(), threads: 2, ...options });
}

async function collect(
  events: AsyncIterable<AnswerEvent>,
): Promise<{ kinds: string[]; text: string; result: AskResult }> {
  const kinds: string[] = [];
  let text = "";
  let result: AskResult | undefined;
  for await (const event of events) {
    if (kinds.at(-1) !== event.type) kinds.push(event.type);
    if (event.type === "token") text += event.text;
    if (event.type === "end") ({ result } = event);
  }
  if (!result) throw new Error("the answer has no end");
  return { kinds, text, result };
}

const QUESTION = "What is the value of HARBOUR_BERTHS?";

test("a folder that was never read is read, asked, changed and forgotten", { timeout: 300_000 }, async () => {
  const folder = harbourProject();
  const engine = await open();
  expect(await engine.status(folder)).toMatchObject({ state: "empty", files: 0 });

  const first = await collect(engine.ask({ folder, question: QUESTION, maxTokens: 24 }, context()));
  expect(first.kinds).toEqual(["lookup", "token", "end"]);
  expect(first.result.answer).toContain("48213");
  expect(first.result.citations[0]?.path).toBe("src/harbour.py");
  expect(first.result.tokens.memory).toBeGreaterThan(0);
  expect(await engine.status(folder)).toMatchObject({ state: "ready", files: 4 });

  const again = await collect(engine.ask({ folder, question: QUESTION, maxTokens: 24 }, context()));
  expect(again.text).toBe(first.text);
  expect((await engine.ingest({ folder }, context())).encodedTokens).toBe(0);

  writeFile(folder, "src/harbour.py", HARBOUR.replace("48213", "60917"));
  const { encodedTokens } = await engine.ingest({ folder }, context());
  expect(encodedTokens).toBeGreaterThan(0);
  const changed = await collect(engine.ask({ folder, question: QUESTION, maxTokens: 24 }, context()));
  expect(changed.result.answer).toContain("60917");
  expect(changed.result.answer).not.toContain("48213");

  const { blocks } = await engine.recall({ folder, question: "free_berths", top: 3 }, context());
  expect(blocks).toHaveLength(3);
  expect(blocks[0]?.path).toBe("src/harbour.py");

  expect(await engine.forget({ folder, paths: ["src/harbour.py"] })).toMatchObject({ files: 1 });
  const left = await engine.recall({ folder, question: "free_berths", top: 50 }, context());
  expect(left.blocks.filter(({ path }) => path === "src/harbour.py")).toEqual([]);
  await engine.close();
});

test("an answer can be cancelled, and the engine answers on", { timeout: 300_000 }, async () => {
  const folder = harbourProject();
  const engine = await open();
  await engine.ingest({ folder }, context());
  const abort = new AbortController();
  let tokens = 0;
  let finish = "";
  for await (const event of engine.ask(
    { folder, question: "Describe every function.", maxTokens: 200 },
    context(abort.signal),
  )) {
    if (event.type === "token" && ++tokens === 3) abort.abort();
    if (event.type === "end") ({ finish } = event.result);
  }
  expect(finish).toBe("cancelled");
  expect(tokens).toBeLessThanOrEqual(4);
  const next = await collect(engine.ask({ folder, question: QUESTION, maxTokens: 24 }, context()));
  expect(next.result.answer).toContain("48213");
  await engine.close();
});

test("a selection and a history beyond the model's window are cut, not refused", { timeout: 300_000 }, async () => {
  const folder = harbourProject();
  const engine = await open();
  const text = filler("capstan").repeat(60);
  const history = Array.from({ length: 4 }, () => ({ role: "user" as const, text: filler("winch").repeat(8) }));
  const selection = { path: "src/anchor.py", startLine: 1, endLine: 9, text };
  const asked = engine.ask({ folder, question: QUESTION, history, selection, maxTokens: 8 }, context());
  expect((await collect(asked)).result.tokens).toMatchObject({ generated: 8 });
  await expect(collect(engine.ask({ folder, question: text, maxTokens: 8 }, context()))).rejects.toMatchObject({
    code: "usage",
  });
  await engine.close();
});

test("a small folder is read as plain text, and cited as well", { timeout: 300_000 }, async () => {
  const folder = temporaryFolder({ "harbour.py": HARBOUR });
  const engine = await open();
  const { result } = await collect(engine.ask({ folder, question: QUESTION, maxTokens: 24 }, context()));
  expect(result.answer).toContain("48213");
  expect(result.citations[0]).toMatchObject({ path: "harbour.py", startLine: 1 });
  await engine.close();
});

test("without a model on the machine and without leave to fetch one, the error says what to do", async () => {
  const folder = harbourProject();
  const engine = await Engine.open({ dataDir: temporaryFolder(), mayDownload: false });
  await expect(engine.ingest({ folder }, context())).rejects.toMatchObject({ code: "model-not-found" });
  expect(await engine.status(folder)).toMatchObject({ state: "empty" });
  await engine.close();
});

test("a folder that is not there is an error, not an empty memory", async () => {
  const engine = await open();
  await expect(engine.status("/no/such/folder")).rejects.toMatchObject({ code: "folder-not-found" });
  await engine.close();
});
