import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AnswerEvent } from "../../engine/protocol/requests.ts";
import type { OpenParams, ProgressEvent } from "../../engine/protocol/rpc.ts";
import type { EngineClient } from "../../extension/engine-client.ts";
import { EngineProcess, type EngineState } from "../../extension/engine-process.ts";
import { temporaryFolder } from "../support/folder.ts";

const scripted = fileURLToPath(new URL("../vscode/scripted-engine.ts", import.meta.url));

/** A supervisor over a real child process; restarts happen when the test says so, not when a clock does. */
function supervise(params: OpenParams = {}) {
  const retries: (() => void)[] = [];
  const progress: ProgressEvent[] = [];
  let time = 0;
  const engine = new EngineProcess({
    entry: scripted,
    log: () => {},
    onProgress: (event) => progress.push(event),
    openParams: () => params,
    now: () => time,
    schedule: (action) => {
      retries.push(action);
      return { dispose: () => {} };
    },
  });
  onTestFinished(() => engine.stop());
  return { engine, retries, progress, advance: (milliseconds: number) => (time += milliseconds) };
}

function until(engine: EngineProcess, kind: EngineState["kind"]): Promise<EngineState> {
  return new Promise((resolve) => {
    if (engine.state.value.kind === kind) return resolve(engine.state.value);
    const subscription = engine.state.onChange((state) => {
      if (state.kind !== kind) return;
      subscription.dispose();
      resolve(state);
    });
  });
}

async function ready(engine: EngineProcess): Promise<EngineClient> {
  const state = await until(engine, "ready");
  if (state.kind !== "ready") throw new Error("not ready");
  return state.client;
}

async function started(params: OpenParams = {}) {
  const supervised = supervise(params);
  await supervised.engine.start();
  return { ...supervised, client: await ready(supervised.engine) };
}

async function collect(events: AsyncIterable<AnswerEvent>): Promise<AnswerEvent[]> {
  const all: AnswerEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("an engine in its own process", () => {
  test("streams an answer in order, after telling what it found", async () => {
    const { client } = await started();
    const folder = temporaryFolder({ "README.md": "# One\n" });
    const events = await collect(client.ask({ folder, question: "What is it?" }));
    const end = events.at(-1);
    expect(events[0]).toMatchObject({ type: "lookup", blocks: [{ path: "README.md" }] });
    expect(end).toMatchObject({ type: "end", result: { finish: "stop" } });
    const text = events.map((event) => (event.type === "token" ? event.text : "")).join("");
    expect(end?.type === "end" && end.result.answer).toBe(text);
  });

  test("what is held back is told before a question about its folder goes out", async () => {
    const { client } = await started();
    const folder = temporaryFolder({ "README.md": "# One\n" });
    const asked: string[] = [];
    const subscription = client.beforeQuestion((path) => {
      asked.push(path);
      void client.changed({ folder, files: [{ path: "README.md", text: "typed" }] });
    });
    // The scripted engine recalls the hints that came before the question.
    const { blocks } = await client.recall({ folder, question: "hints" });
    expect(blocks).toMatchObject([{ path: "README.md", endLine: "typed".length }]);
    await collect(client.ask({ folder, question: "What is it?" }));
    subscription.dispose();
    await client.recall({ folder, question: "hints" });
    expect(asked).toEqual([folder, folder]);
  });

  test("stops at a signal and keeps what was written", async () => {
    const { client } = await started();
    const stop = new AbortController();
    const events: AnswerEvent[] = [];
    for await (const event of client.ask({ folder: "/", question: "endless" }, { signal: stop.signal })) {
      events.push(event);
      if (events.length === 4) stop.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: "end", result: { finish: "cancelled" } });
  });

  test("stops when nobody reads on", async () => {
    const { client } = await started();
    for await (const event of client.ask({ folder: "/", question: "endless" })) if (event.type === "token") break;
    await expect(client.models()).resolves.toContainEqual(expect.objectContaining({ name: "Scripted" }));
  });

  test("answers a ping while a call runs", async () => {
    const { client } = await started();
    const stop = new AbortController();
    const asking = collect(client.ask({ folder: "/", question: "endless" }, { signal: stop.signal }));
    await expect(client.ping()).resolves.toBe("pong");
    stop.abort();
    await asking;
  });

  test("tells progress to the caller and to everyone", async () => {
    const { client, progress } = await started();
    const folder = temporaryFolder({ "a.ts": "1", "b.ts": "2" });
    const own: number[] = [];
    await client.ingest({ folder }, { onProgress: ({ done }) => own.push(done) });
    expect(own).toEqual([0, 700]);
    expect(progress.map(({ call, folder: of }) => [call, of])).toEqual([
      ["ingest", folder],
      ["ingest", folder],
    ]);
  });

  test("brings an error over with its code, meaning and remedy, the stack naming who asked", async () => {
    const { client } = await started();
    const failed = await collect(client.ask({ folder: "/", question: "fail" })).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      name: "RepoMemoryError",
      code: "model-invalid",
      remedy: expect.stringMatching(/download it again/),
    });
    expect(failed instanceof Error && failed.stack).toContain("engine-client");
  });

  test.each([
    [{ folder: "/", question: "x".repeat(70_000) }, /question/],
    [{ folder: "/", question: "a", maxTokens: 1e9 }, /maxTokens/],
    [
      { folder: "/", question: "a", selection: { path: "../x", startLine: 1, endLine: 1, text: "" } },
      /inside the folder/,
    ],
    [{ folder: "a\0b", question: "a" }, /folder/],
  ])("refuses parameters out of bounds: %#", async (params, message) => {
    const { client } = await started();
    await expect(collect(client.ask(params))).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message),
    });
  });
});

describe("the supervisor", () => {
  test("starts a dead engine again, and ends its calls with engine-died", async () => {
    const { engine, retries, client } = await started();
    const asked = collect(client.ask({ folder: "/", question: "crash" }));
    await expect(asked).rejects.toMatchObject({ code: "engine-died" });
    expect(await until(engine, "restarting")).toMatchObject({ attempt: 1 });
    await expect(client.models()).rejects.toMatchObject({ code: "engine-died" });
    retries[0]?.();
    await expect((await ready(engine)).models()).resolves.toContainEqual(expect.objectContaining({ name: "Scripted" }));
  });

  test("gives up after deaths in a row, and not after deaths far apart", async () => {
    const { engine, retries, advance } = await started();
    const die = async () => {
      const client = await ready(engine);
      await collect(client.ask({ folder: "/", question: "crash" })).catch(() => {});
    };
    await die();
    retries.pop()?.();
    await ready(engine);
    advance(120_000);
    for (let death = 1; death <= 5; death++) {
      await die();
      expect(await until(engine, "restarting")).toMatchObject({ attempt: death });
      retries.pop()?.();
    }
    await die();
    expect(await until(engine, "failed")).toMatchObject({
      error: { code: "engine-died", message: expect.stringMatching(/6 times/) },
    });
  });

  test("says when the engine cannot be opened, and keeps the process for another try", async () => {
    const params: OpenParams = { threads: -1 };
    const { engine } = supervise(params);
    await engine.start();
    expect(engine.state.value).toMatchObject({ kind: "failed", error: { code: "usage" } });
    params.threads = 1;
    await engine.start();
    expect(engine.state.value.kind).toBe("ready");
  });

  test("ends the process when stopped", async () => {
    const { engine } = await started();
    const state = engine.state.value;
    const pid = state.kind === "ready" ? state.pid : undefined;
    await engine.stop();
    expect(engine.state.value.kind).toBe("stopped");
    expect(() => process.kill(pid ?? 0, 0)).toThrow(/ESRCH/);
  });
});
