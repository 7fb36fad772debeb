/** The MCP server's own part, message by message, over an engine without a model. */
import { PassThrough } from "node:stream";
import { createInterface } from "node:readline";
import { ListResourcesResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { expect, onTestFinished, test } from "vitest";
import { fileUri, pathOf } from "../../engine/cli/mcp/file-resources.ts";
import { serveMcp } from "../../engine/cli/mcp/serve-mcp.ts";
import { type ProgressNote, ToldProgress, WHOLE } from "../../engine/cli/mcp/told-progress.ts";
import type { EngineApi } from "../../engine/protocol/requests.ts";
import { run, type Script, scriptedEngine } from "./scripted-engine.ts";

interface Message {
  jsonrpc: string;
  id?: number;
  method?: string;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
  params?: Record<string, unknown>;
}

/** A server over streams: what is sent, what comes back (every line must be a message), and its end. */
function serve(overrides: Partial<EngineApi> = {}, script: Script = {}) {
  const [input, output, stop] = [new PassThrough(), new PassThrough(), new AbortController()];
  const engine = { ...scriptedEngine(script, []), ...overrides };
  const logged: string[] = [];
  const served = serveMcp({
    folder: "/projects/lighthouse",
    engine: async () => engine,
    input,
    output,
    signal: stop.signal,
    secretPatterns: ["hidden/"],
    log: (line) => logged.push(line),
  });
  const lines = createInterface({ input: output })[Symbol.asyncIterator]();
  onTestFinished(() => stop.abort());
  const send = (message: object) => input.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const next = async (): Promise<Message> => JSON.parse((await lines.next()).value ?? "null");
  const call = (id: number, name: string, args: object, meta = {}) =>
    send({ id, method: "tools/call", params: { name, arguments: args, _meta: meta } });
  const start = async () => {
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    send({ id: 0, method: "initialize", params });
    const hello = await next();
    send({ method: "notifications/initialized" });
    return hello;
  };
  return { input, stop, served, logged, send, next, call, start };
}

/** An engine whose answer goes on until it is cancelled; `ended` settles then. */
function endless() {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const ask: EngineApi["ask"] = async function* answerOn(_params, { signal }) {
    for (let i = 0; !signal.aborted; i++) {
      yield { type: "token", text: ` ${i}` };
      await new Promise(setImmediate);
    }
    resolve("cancelled");
  };
  return { ask, ended };
}

test("a cancelled call stops the engine's work", async () => {
  const { ask, ended } = endless();
  const server = serve({ ask });
  await server.start();
  server.call(7, "ask", { question: "?" }, { progressToken: "p" });
  expect(await server.next()).toMatchObject({ method: "notifications/progress", params: { progressToken: "p" } });
  server.send({ method: "notifications/cancelled", params: { requestId: 7 } });
  expect(await ended).toBe("cancelled");
  server.call(8, "status", {});
  for (;;) {
    const { id, result } = await server.next();
    expect(id).not.toBe(7);
    if (id === 8) return expect(result).toMatchObject({ structuredContent: { state: "ready" } });
  }
});

test("a client that goes ends the server and what it works on", async () => {
  const { ask, ended } = endless();
  const server = serve({ ask });
  await server.start();
  server.call(1, "ask", { question: "?" });
  server.input.end();
  await server.served;
  expect(await ended).toBe("cancelled");
});

test("an interrupt ends the server", async () => {
  const server = serve();
  await server.start();
  server.stop.abort();
  await expect(server.served).resolves.toBeUndefined();
});

test("what is no message is passed over, and a flood ends the connection", async () => {
  const server = serve();
  const hello = await server.start();
  expect(hello.result).toMatchObject({
    serverInfo: { name: "repo-memory" },
    capabilities: { tools: {}, resources: {} },
  });
  server.input.write("garbage\n{}\n[1,2]\nnull\n");
  server.send({ id: 1, method: "no/such/method" });
  expect(await server.next()).toMatchObject({ id: 1, error: { code: -32_601 } });
  server.send({ id: 2, method: "tools/call", params: { name: ["recall"] } });
  expect(await server.next()).toMatchObject({ id: 2, error: {} });
  server.call(3, "recall", { question: 5 });
  expect(await server.next()).toMatchObject({ id: 3, result: { isError: true } });
  server.input.write("x".repeat(11 * 1024 * 1024));
  await server.served;
  expect(server.logged.join("\n")).toMatch(/maximum size/);
});

test("an engine's failure is told with what to do", async () => {
  const server = serve({}, { failure: new Error("Out of luck.") });
  await server.start();
  server.call(1, "recall", { question: "?" });
  const { result } = await server.next();
  expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("report it") }] });
});

test("a file that counts as secret now is left out, though it is in memory", async () => {
  const server = serve({}, { files: { "a.ts": "1", ".env": "KEY=1", "hidden/b.ts": "2", "odd name#?.ts": "3" } });
  await server.start();
  server.send({ id: 1, method: "resources/list" });
  const { result } = await server.next();
  expect(result).toMatchObject({ resources: [{ name: "a.ts" }, { name: "odd name#?.ts" }] });
  for (const [id, path] of [".env", "hidden/b.ts", "hidden/../.env"].entries()) {
    server.send({ id: id + 2, method: "resources/read", params: { uri: `repo-memory:///${path}` } });
    expect(await server.next()).toMatchObject({ id: id + 2, error: { code: -32_002 } });
  }
  server.send({ id: 9, method: "resources/read", params: { uri: fileUri("odd name#?.ts") } });
  expect(await server.next()).toMatchObject({ result: { contents: [{ text: "3" }] } });
});

test("long lists come by the page", async () => {
  const files = Object.fromEntries(Array.from({ length: 1200 }, (_, i) => [`f${i}.ts`, ""]));
  const server = serve({}, { files });
  await server.start();
  const names = new Set<string>();
  let cursor: unknown;
  let pages = 0;
  do {
    server.send({ id: ++pages, method: "resources/list", params: cursor === undefined ? {} : { cursor } });
    const { result = {} } = await server.next();
    for (const { name } of ListResourcesResultSchema.parse(result).resources) names.add(name);
    cursor = result["nextCursor"];
  } while (cursor !== undefined);
  expect([pages, names.size]).toEqual([3, 1200]);
});

test("a path's resource leads back to it, and nothing is resolved on the way", () => {
  for (const path of ["a.ts", "src/b c.ts", "ü/#?&%.md", "..", "a/../b"]) expect(pathOf(fileUri(path))).toBe(path);
  for (const uri of ["file:///a.ts", "repo-memory:/a.ts", "repo-memory://host/a.ts", "repo-memory:///%"])
    expect(pathOf(uri)).toBeUndefined();
});

test("told progress only grows, whatever the phases say", () => {
  const notes: ProgressNote[] = [];
  let now = 0;
  const told = new ToldProgress(
    (note) => notes.push(note),
    () => (now += 1000),
  );
  const at = (phase: "download" | "convert" | "ingest", done: number, total: number) =>
    told.update({ phase, done, total, unit: "tokens", rate: 1, secondsLeft: undefined });
  at("download", 50, 100);
  at("convert", 10, 100);
  at("ingest", 90, 100);
  // The total was an estimate, and became larger.
  at("ingest", 91, 200);
  at("ingest", 7, 0);
  told.answering(300, 400);
  told.answering(500, 400);
  const values = notes.map(({ progress }) => progress);
  expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
  expect(values.at(-1)).toBe(WHOLE);
});

test("the command fetches no model unless it is told to, and names a folder that is not there", async () => {
  expect((await run(["mcp", "no-such-folder"])).code).toBe(1);
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } };
  const stdin = `${JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params })}\n${JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "resources/list",
  })}\n`;
  const env = { NO_COLOR: "1", REPO_MEMORY_SECRET_PATTERNS: "private/\n\n*.sql\n" };
  const plain = await run(["mcp", ".", "--max-file-kib", "64"], { stdin, env });
  expect(plain).toMatchObject({ code: 0, options: { mayDownload: false, maxFileBytes: 65_536 } });
  expect(plain.options?.secretPatterns).toEqual(["private/", "*.sql"]);
  expect((await run(["mcp", "--download"], { stdin, env })).options).toMatchObject({ mayDownload: true });
});
