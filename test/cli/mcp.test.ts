/** `repo-memory mcp` as its clients meet it: another program over stdio, the real model, the SDK's own client. */
import { mkdtempSync, rmSync, writeFileSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { Progress } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { shareModels } from "../support/engine-data.ts";
import { temporaryFolder, writeFile } from "../support/folder.ts";
import { testModelPath } from "../support/model.ts";

const program = fileURLToPath(new URL("../../engine/cli.ts", import.meta.url));

const files = {
  "src/settings.ts": "/** The port that the server listens on. */\nexport const PORT = 8123;\n",
  "src/greeting.ts": 'export function greet(name: string): string {\n  return "Good morning, " + name;\n}\n',
  "docs/übersicht & mehr.md": "# Lighthouse\n\nA small server that greets people by their names.\n",
  ".env": "SECRET=hunter2\n",
  "private/notes.txt": "The passphrase is hunter2.\n",
};

/** A first call loads the model, on a machine that other tests share; the client's own patience is a minute. */
const PATIENT = { timeout: 240_000 };

let data: string;
let folder: string;
let client: Client;

/** A client of a server process of its own. */
async function connect(served: string, args: string[] = [], env: Record<string, string> = {}): Promise<Client> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [program, "mcp", served, "--data", data, "--model", testModelPath(), ...args],
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stderr: "ignore",
  });
  const connected = new Client({ name: "test", version: "1.0.0" });
  await connected.connect(transport);
  return connected;
}

beforeAll(async () => {
  data = shareModels(mkdtempSync(join(tmpdir(), "repo-memory-mcp-")));
  folder = mkdtempSync(join(tmpdir(), "repo-memory-served-"));
  for (const [path, text] of Object.entries(files)) writeFile(folder, path, text);
  symlinkSync("/etc/hostname", join(folder, "link.txt"));
  client = await connect(folder, [], { REPO_MEMORY_SECRET_PATTERNS: "private/\n" });
});

afterAll(async () => {
  await client.close();
  for (const path of [data, folder]) rmSync(path, { recursive: true, force: true });
});

/** The only text of a result. */
function textOf(result: object): string {
  const [part]: unknown[] = "content" in result && Array.isArray(result.content) ? result.content : [];
  if (typeof part === "object" && part !== null && "text" in part && typeof part.text === "string") return part.text;
  throw new Error("The result has no text.");
}

test("tools say what they take and give, and that they change nothing", async () => {
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(["recall", "ask", "status"]);
  for (const { inputSchema, outputSchema, annotations } of tools) {
    expect(inputSchema.type).toBe("object");
    expect(outputSchema?.type).toBe("object");
    expect(annotations).toMatchObject({ readOnlyHint: true, openWorldHint: false });
  }
  expect(client.getInstructions()).toContain("repo-memory:///");
});

test(
  "status needs no model; recall reads the folder, and finds lines with their text",
  { timeout: 300_000 },
  async () => {
    const before = await client.callTool({ name: "status", arguments: {} });
    expect(before.structuredContent).toMatchObject({ folder, state: "empty", files: 0 });
    // The SDK's client checks structured results against the tool's output schema itself.
    const progress: Progress[] = [];
    const recalled = await client.callTool(
      { name: "recall", arguments: { question: "Which port does the server listen on?", maxResults: 2 } },
      undefined,
      { ...PATIENT, onprogress: (each) => progress.push(each) },
    );
    expect(recalled.isError).not.toBe(true);
    expect(recalled.structuredContent).toMatchObject({
      blocks: [
        {
          path: "src/settings.ts",
          startLine: 1,
          text: files["src/settings.ts"],
          uri: "repo-memory:///src/settings.ts",
        },
        {},
      ],
    });
    expect(textOf(recalled)).toContain("src/settings.ts:1-2\n```\n/** The port");
    const after = await client.callTool({ name: "status", arguments: {} });
    expect(after.structuredContent).toMatchObject({ state: "ready", files: 3, model: expect.stringContaining("mol") });
    const values = progress.map((each) => each.progress);
    expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
  },
);

test("ask answers with its sources, and tells how far it is", { timeout: 300_000 }, async () => {
  const progress: Progress[] = [];
  const asked = await client.callTool(
    { name: "ask", arguments: { question: "What is the value of PORT?", maxTokens: 40 } },
    undefined,
    { ...PATIENT, onprogress: (each) => progress.push(each) },
  );
  expect(asked.structuredContent).toMatchObject({ answer: expect.stringContaining("8123"), found: true });
  expect(textOf(asked)).toMatch(/Sources: .*src\/settings\.ts:1-2/);
  expect(progress.length).toBeGreaterThan(0);
  expect(progress.at(-1)?.message).toMatch(/^Answering: \d+ tokens$/);
});

test("what changed on disk is answered from without being told", { timeout: 300_000 }, async () => {
  const path = join(folder, "src/settings.ts");
  writeFileSync(path, readFileSync(path, "utf8").replace("8123", "9541"));
  const lookingFor = { question: "What is the value of PORT?", maxResults: 1 };
  const recalled = await client.callTool({ name: "recall", arguments: lookingFor });
  expect(textOf(recalled)).toContain("9541");
  expect(textOf(recalled)).not.toContain("8123");
  writeFileSync(path, files["src/settings.ts"]);
  expect(textOf(await client.callTool({ name: "recall", arguments: lookingFor }))).toContain("8123");
});

test("files in memory are resources; secrets and what lies elsewhere are not", async () => {
  const { resources } = await client.listResources();
  expect(resources.map(({ name }) => name).sort()).toEqual([
    "docs/übersicht & mehr.md",
    "src/greeting.ts",
    "src/settings.ts",
  ]);
  for (const { uri, name } of resources) {
    const { contents } = await client.readResource({ uri });
    expect(contents).toMatchObject([{ uri, text: readFileSync(join(folder, name), "utf8") }]);
  }
  expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([
    { uriTemplate: "repo-memory:///{+path}" },
  ]);
  const hostile = [
    "repo-memory:///.env",
    "repo-memory:///private/notes.txt",
    "repo-memory:///link.txt",
    "repo-memory:///../../../../etc/passwd",
    "repo-memory:///%2e%2e/%2e%2e/etc/passwd",
    "repo-memory:////etc/passwd",
    "repo-memory:///src/../.env",
    "repo-memory:///src%00/settings.ts",
    "repo-memory:///%E0%A4%A",
    "repo-memory:///",
    `file://${folder}/src/settings.ts`,
    "file:///etc/passwd",
  ];
  for (const uri of hostile) await expect(client.readResource({ uri })).rejects.toThrow(/No such file is in memory/);
  await expect(client.listResources({ cursor: "-1" })).rejects.toThrow(/cursor/);
});

test("bad calls are told to the model that made them", async () => {
  const noQuestion = await client.callTool({ name: "recall", arguments: { maxResults: 3 } });
  expect(noQuestion).toMatchObject({ isError: true });
  expect(textOf(noQuestion)).toContain("question");
  const unknown = { question: "x", maxResults: 1e9 };
  expect(await client.callTool({ name: "recall", arguments: unknown })).toMatchObject({ isError: true });
  const outside = { question: "x", pinned: ["../../etc/passwd"] };
  expect(textOf(await client.callTool({ name: "ask", arguments: { ...outside, maxTokens: 2 } }))).not.toContain(
    "root:",
  );
  await expect(client.callTool({ name: "forget", arguments: {} })).rejects.toThrow(/no tool "forget"/);
});

test("a cancelled call ends, and the server answers on", { timeout: 300_000 }, async () => {
  const abort = new AbortController();
  const asked = client.callTool(
    { name: "ask", arguments: { question: "Describe every function at length.", maxTokens: 4000 } },
    undefined,
    { signal: abort.signal, onprogress: () => abort.abort("enough") },
  );
  await expect(asked).rejects.toThrow(/enough/);
  const recalled = await client.callTool({ name: "recall", arguments: { question: "greet", maxResults: 1 } });
  expect(recalled.structuredContent).toMatchObject({ blocks: [{ path: "src/greeting.ts" }] });
});

test("two servers share one memory", { timeout: 300_000 }, async () => {
  const other = await connect(folder, [], { REPO_MEMORY_SECRET_PATTERNS: "private/\n" });
  onTestFinished(() => other.close());
  const question = { name: "recall", arguments: { question: "greet a name", maxResults: 1 } };
  const both = await Promise.all([client, other].map((each) => each.callTool(question, undefined, PATIENT)));
  for (const { structuredContent } of both)
    expect(structuredContent).toMatchObject({ blocks: [{ path: "src/greeting.ts" }] });
  const { resources } = await other.listResources();
  expect(resources).toHaveLength(3);
});

test("without a model nothing is fetched, and the caller is told what to do", async () => {
  const served = temporaryFolder({ "a.txt": "text" });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [program, "mcp", served, "--data", temporaryFolder()],
    env: { HOME: temporaryFolder(), PATH: process.env["PATH"] ?? "" },
    stderr: "ignore",
  });
  const bare = new Client({ name: "test", version: "1.0.0" });
  await bare.connect(transport);
  onTestFinished(() => bare.close());
  const recalled = await bare.callTool({ name: "recall", arguments: { question: "x" } });
  expect(recalled.isError).toBe(true);
  expect(textOf(recalled)).toMatch(/model/i);
  expect((await bare.listResources()).resources).toEqual([]);
});
