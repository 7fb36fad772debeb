/** What others use of the engine: the bare model, its token counts, the memory's texts within a budget, the files in memory. */
import { beforeAll, afterAll, describe, expect, test } from "vitest";
import { Engine } from "../engine/engine.ts";
import type { GenerateEvent, GenerateResult } from "../engine/protocol/generation.ts";
import type { CallContext } from "../engine/protocol/requests.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENGINES, refuseFallback } from "./support/engine-kinds.ts";
import { temporaryFolder, writeFile } from "./support/folder.ts";
import { HARBOUR, harbourProject } from "./support/harbour.ts";

function context(signal = new AbortController().signal): CallContext {
  return { signal, onProgress: () => undefined };
}

async function collect(events: AsyncIterable<GenerateEvent>): Promise<{ text: string; result: GenerateResult }> {
  let text = "";
  let result: GenerateResult | undefined;
  for await (const event of events) {
    if (event.type === "token") text += event.text;
    else ({ result } = event);
  }
  if (!result) throw new Error("the answer has no end");
  return { text, result };
}

const CAPITAL = { role: "user", text: "What is the capital of France? Answer with one word." } as const;

describe.each(ENGINES)("$name", (kind) => {
  refuseFallback();
  const { isSensible, steps, windowTokens } = kind;
  let engine: Engine;
  let data: string;

  beforeAll(async () => {
    data = kind.shareData(mkdtempSync(join(tmpdir(), "repo-memory-others-")));
    engine = await kind.open({ dataDir: data });
  });

  afterAll(async () => {
    await engine.close();
    rmSync(data, { recursive: true, force: true });
  });

  test("a chat is continued by the bare model, in its own format", async () => {
    const { text, result } = await collect(engine.generate({ messages: [CAPITAL], maxTokens: 24 }, context()));
    if (isSensible) expect(text).toContain("Paris");
    expect(result.text).toBe(text);
    if (isSensible) expect(result.finish).toBe("stop");
    const again = await collect(engine.generate({ messages: [CAPITAL], maxTokens: 24 }, context()));
    expect(again.text).toBe(text);
  });

  test("answers end at the limit, at a stop text, and when they are cancelled", async () => {
    const messages = [{ role: "user", text: "Count from one to fifty, with commas." } as const];
    const short = await collect(engine.generate({ messages, maxTokens: 5 }, context()));
    expect(short.result).toMatchObject({ finish: "length", tokens: { generated: 5 } });
    const whole = await collect(engine.generate({ messages, maxTokens: 30 }, context()));
    const stop = whole.text.slice(4, 7);
    const stopped = await collect(engine.generate({ messages, maxTokens: 30, stop: [stop] }, context()));
    expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    const abort = new AbortController();
    let tokens = 0;
    let finish = "";
    for await (const event of engine.generate({ messages, maxTokens: 400 }, context(abort.signal))) {
      if (event.type === "token" && ++tokens === 3) abort.abort();
      if (event.type === "end") ({ finish } = event.result);
    }
    expect(finish).toBe("cancelled");
    expect(tokens).toBeLessThanOrEqual(4);
  });

  test("tokens are counted as the model counts them, and the window's real size is told", async () => {
    const texts = ["", "const answer = 42;", CAPITAL.text];
    const { counts, perMessage, model } = await engine.countTokens({ texts }, context());
    expect(counts[0]).toBe(0);
    expect(counts[1]).toBeGreaterThan(3);
    expect(model.windowTokens).toBe(windowTokens);
    const one = await collect(engine.generate({ messages: [CAPITAL], maxTokens: 1 }, context()));
    const chat = [CAPITAL, { role: "assistant", text: CAPITAL.text } as const, CAPITAL];
    const three = await collect(engine.generate({ messages: chat, maxTokens: 1 }, context()));
    const added = three.result.tokens.prompt - one.result.tokens.prompt;
    const counted = 2 * ((counts[2] ?? 0) + perMessage);
    expect(counted).toBeGreaterThanOrEqual(added);
    expect(counted).toBeLessThanOrEqual(added + 2);
  });

  test("a chat without a question, or longer than the window, is refused with what to do", async () => {
    const silent = engine.generate({ messages: [{ role: "system", text: "Hm." }] }, context());
    await expect(collect(silent)).rejects.toMatchObject({ code: "usage" });
    const long = engine.generate({ messages: [{ role: "user", text: "word ".repeat(9000) }] }, context());
    await expect(collect(long)).rejects.toMatchObject({ code: "usage", remedy: expect.stringContaining("shorter") });
  });

  test("recall gives texts, keeps to a budget of tokens, and follows up", async () => {
    const folder = harbourProject(steps);
    const question = "What is the value of HARBOUR_BERTHS?";
    const { blocks } = await engine.recall({ folder, question, top: 6, text: true }, context());
    expect(blocks[0]).toMatchObject({ path: "src/harbour.py", startLine: 1, text: HARBOUR });
    const { counts } = await engine.countTokens({ texts: blocks.map(({ text }) => text ?? "") }, context());
    expect(blocks.map(({ tokens }) => tokens)).toEqual(counts);
    const [first = 0, second = 0] = counts;
    const fitted = await engine.recall({ folder, question, top: 6, maxTokens: first + second }, context());
    expect(fitted.blocks.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(first + second);
    expect(fitted.blocks[0]).toMatchObject({ path: "src/harbour.py" });
    expect(fitted.blocks[0]?.text).toBeUndefined();

    const history = [
      { role: "user", text: question },
      { role: "assistant", text: "48213." },
    ] as const;
    const followUp = { folder, question: "And who reads it?", top: 1 };
    expect((await engine.recall({ ...followUp, history: [...history] }, context())).blocks[0]?.path).toBe(
      "src/harbour.py",
    );
  });

  test("the files in memory are listed and read as memory holds them, and no others", async () => {
    const crlf = "one\r\ntwo\n\nthree";
    const folder = temporaryFolder({ "a.txt": crlf, "empty.txt": "", ".env": "TOKEN=secret", "b/c.md": "# C\n" });
    await engine.ingest({ folder }, context());
    expect((await engine.files(folder)).map(({ path }) => path)).toEqual(["a.txt", "b/c.md", "empty.txt"]);
    expect(await engine.fileText(folder, "a.txt")).toBe(crlf);
    expect(await engine.fileText(folder, "empty.txt")).toBe("");
    for (const path of [".env", "../a.txt", "b/../a.txt", "/etc/passwd", "b", "A.txt"])
      expect(await engine.fileText(folder, path)).toBeUndefined();
    // Without the model, out of the store alone.
    const other = await Engine.open({ dataDir: data, model: "/no/such.gguf" });
    expect(await other.fileText(folder, "b/c.md")).toBe("# C\n");
    expect(await other.files(folder)).toHaveLength(3);
    await other.close();
    writeFile(folder, "b/c.md", "# D\n");
    await engine.ingest({ folder }, context());
    expect(await engine.fileText(folder, "b/c.md")).toBe("# D\n");
  });

  test("another process that compares with the disk does not take away what an editor holds unsaved", async () => {
    const folder = temporaryFolder({ "a.py": "HARBOUR_BERTHS = 111\n", "b.py": "def other():\n    return 2\n" });
    const other = await kind.open({ dataDir: data });
    const ask = { folder, question: "HARBOUR_BERTHS", top: 1, text: true };
    const said = async (asked: Engine, compare = false) =>
      (await asked.recall({ ...ask, compare }, context())).blocks[0]?.text;
    await engine.ingest({ folder }, context());
    await engine.changed({ folder, files: [{ path: "a.py", text: "HARBOUR_BERTHS = 222\n" }] });
    for (let round = 0; round < 3; round++) {
      expect(await said(engine)).toContain("222");
      expect(await said(other, true)).toContain("111");
    }
    await engine.changed({ folder, files: [{ path: "a.py" }] });
    expect(await said(engine)).toContain("111");
    await other.close();
  });
});
