import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Engine } from "../engine/engine.ts";
import type { AnswerEvent, AskResult, CallContext } from "../engine/protocol/requests.ts";
import { ENGINES, refuseFallback } from "./support/engine-kinds.ts";
import { temporaryFolder, writeFile } from "./support/folder.ts";
import { filler, HARBOUR, harbourProject } from "./support/harbour.ts";

function context(signal = new AbortController().signal): CallContext {
  return { signal, onProgress: () => undefined };
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

describe.each(ENGINES)("$name", (kind) => {
  refuseFallback();
  const { isSensible, steps, maxTokens } = kind;
  const open = () => kind.open({ dataDir: kind.shareData(temporaryFolder()) });
  /** Whether an answer says so, out of this file, where the model says anything of meaning. */
  const expectSaid = ({ answer, citations }: AskResult, text: string, path?: string) => {
    expect(answer).not.toBe("");
    if (isSensible) expect(answer).toContain(text);
    if (isSensible && path !== undefined) expect(citations[0]?.path).toBe(path);
  };

  test("a folder that was never read is read, asked, changed and forgotten", async () => {
    const folder = harbourProject(steps);
    const engine = await open();
    expect(await engine.status(folder)).toMatchObject({ state: "empty", files: 0 });

    const first = await collect(engine.ask({ folder, question: QUESTION, maxTokens }, context()));
    expect(first.kinds).toEqual(["lookup", "token", "end"]);
    expectSaid(first.result, "48213", "src/harbour.py");
    expect(first.result.tokens.memory).toBeGreaterThan(0);
    expect(await engine.status(folder)).toMatchObject({ state: "ready", files: 4, ...kind.status });

    const again = await collect(engine.ask({ folder, question: QUESTION, maxTokens }, context()));
    expect(again.text).toBe(first.text);
    expect((await engine.ingest({ folder }, context())).encodedTokens).toBe(0);

    writeFile(folder, "src/harbour.py", HARBOUR.replace("48213", "60917"));
    const { encodedTokens } = await engine.ingest({ folder }, context());
    expect(encodedTokens).toBeGreaterThan(0);
    const changed = await collect(engine.ask({ folder, question: QUESTION, maxTokens }, context()));
    expectSaid(changed.result, "60917");
    expect(changed.result.answer).not.toContain("48213");

    const { blocks } = await engine.recall({ folder, question: "free_berths", top: 3 }, context());
    expect(blocks).toHaveLength(3);
    expect(blocks[0]?.path).toBe("src/harbour.py");

    expect(await engine.forget({ folder, paths: ["src/harbour.py"] })).toMatchObject({ files: 1 });
    const left = await engine.recall({ folder, question: "free_berths", top: 50 }, context());
    expect(left.blocks.filter(({ path }) => path === "src/harbour.py")).toEqual([]);
    await engine.close();
  });

  test("a file that is deleted leaves, a follow-up finds what went before, and an answer looks up again", async () => {
    const folder = harbourProject(steps);
    writeFile(folder, "src/davit.py", filler("davit", 1));
    const engine = await open();
    const { files } = await engine.ingest({ folder }, context());
    rmSync(join(folder, "src/davit.py"));
    expect((await engine.ingest({ folder }, context())).files).toBe(files - 1);
    const { blocks } = await engine.recall({ folder, question: "davit_step_0", top: 50 }, context());
    expect(blocks.length).toBeGreaterThan(0);
    expect(blocks.filter(({ path }) => path === "src/davit.py")).toEqual([]);

    const history = [{ role: "user", text: QUESTION } as const, { role: "assistant", text: "48213." } as const];
    const params = { folder, question: "And which function reads it?", history, lookAgain: 3, maxTokens };
    const { kinds, result } = await collect(engine.ask(params, context()));
    expect(kinds).toEqual(["lookup", "token", "end"]);
    expectSaid(result, "");
    // Some of it, so there was something to look up.
    expect(result.tokens.memory).toBeGreaterThan(0);
    expect(result.tokens.memory).toBeLessThanOrEqual(512);
    await engine.close();
  });

  test("an answer can be cancelled, and the engine answers on", async () => {
    const folder = temporaryFolder({ "src/harbour.py": HARBOUR });
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
    const next = await collect(engine.ask({ folder, question: QUESTION, maxTokens }, context()));
    expectSaid(next.result, "48213");
    await engine.close();
  });

  test("a selection and a history beyond the model's window are cut, not refused", async () => {
    const folder = temporaryFolder({ "src/harbour.py": HARBOUR });
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

  test("a small folder is read as plain text, and cited as well", async () => {
    const folder = temporaryFolder({ "harbour.py": HARBOUR });
    const engine = await open();
    const { result } = await collect(engine.ask({ folder, question: QUESTION, maxTokens }, context()));
    expectSaid(result, "48213", "harbour.py");
    expect(result.citations.every(({ path, startLine }) => path === "harbour.py" && startLine >= 1)).toBe(true);
    await engine.close();
  });
});

test("without a model on the machine and without leave to fetch one, the error says what to do", async () => {
  const folder = harbourProject();
  const engine = await Engine.open({ dataDir: temporaryFolder(), mayDownload: false });
  await expect(engine.ingest({ folder }, context())).rejects.toMatchObject({ code: "model-not-found" });
  expect(await engine.status(folder)).toMatchObject({ state: "empty" });
  await engine.close();
});

test("a folder that is not there is an error, not an empty memory", async () => {
  const engine = await Engine.open({ dataDir: temporaryFolder() });
  await expect(engine.status("/no/such/folder")).rejects.toMatchObject({ code: "folder-not-found" });
  await engine.close();
});
