/** The memory and the model in other people's hands, inside the real extension host: what VS Code gives to chats, tools and models. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { before, describe, it } from "mocha";
import * as vscode from "vscode";
import { RepoMemoryError } from "../../../engine/protocol/errors.ts";
import type { Host } from "../../../extension/host.ts";
import { definitions } from "../../../extension/sharing/mcp-servers.ts";
import { followUps, respond } from "../../../extension/sharing/participant.ts";
import { activeHost, file, theExtension } from "./active-host.ts";

const VENDOR = "repo-memory";
const TOOL = "repo-memory_recall";
let host: Host;

before(async () => {
  host = await activeHost();
});

function never(): vscode.CancellationToken {
  return new vscode.CancellationTokenSource().token;
}

describe("the memory as a tool", () => {
  const tokenBudget = (budget: number) => ({ tokenBudget: budget, countTokens: async (text: string) => text.length });

  async function recalled(input: object, tokenizationOptions?: vscode.LanguageModelToolTokenizationOptions) {
    const options = { toolInvocationToken: undefined, input, ...(tokenizationOptions && { tokenizationOptions }) };
    const { content } = await vscode.lm.invokeTool(TOOL, options);
    return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : ""));
  }

  it("is offered to every language model, with what it takes", () => {
    const tool = vscode.lm.tools.find(({ name }) => name === TOOL);
    assert(tool, "the tool is not registered");
    assert.match(tool.description, /passages/);
    assert.deepEqual(Object.keys(Object(tool.inputSchema)["properties"]), ["question", "maxResults"]);
  });

  it("recalls passages with their paths and lines", async () => {
    const [first = ""] = await recalled({ question: "How does the service start?" });
    assert.match(first, /^src\/server\.ts:3-9\n```\n/);
    assert.match(first, /import \{ findParcel \}/);
  });

  it("gives no more than was asked for, and fits the caller's budget by the caller's own tokens", async () => {
    assert.equal((await recalled({ question: "start", maxResults: 1 })).length, 1);
    const all = await recalled({ question: "start" });
    const budget = (all[0] ?? "").length + (all[2] ?? "").length;
    const fitted = await recalled({ question: "start" }, tokenBudget(budget));
    assert(fitted.join("").length <= budget);
    assert.equal(fitted[0], all[0]);
    const places = await recalled({ question: "start" }, tokenBudget(20));
    assert.deepEqual(places, ["src/server.ts:3-9\n"]);
  });

  it("says what went wrong, and what to do", async () => {
    await assert.rejects(recalled({ question: "fail" }), /download it again/);
    await assert.rejects(recalled({ question: "" }));
  });
});

describe("the local model as a language model of VS Code", () => {
  async function model(): Promise<vscode.LanguageModelChat> {
    const [first] = await vscode.lm.selectChatModels({ vendor: VENDOR });
    assert(first, "the model is not offered");
    return first;
  }

  async function said(response: vscode.LanguageModelChatResponse): Promise<string[]> {
    const texts: string[] = [];
    for await (const text of response.text) texts.push(text);
    return texts;
  }

  it("is offered with its real window, output limit and family", async () => {
    const { name, family, maxInputTokens } = await model();
    assert.deepEqual([name, family, maxInputTokens], ["Scripted", "llama", 8192 - 2048]);
  });

  it("counts tokens as the engine does", async () => {
    const counting = await model();
    assert.equal(await counting.countTokens("one two three"), 3);
    assert.equal(await counting.countTokens(vscode.LanguageModelChatMessage.User("one two three")), 3 + 4);
  });

  it("streams its answer", async () => {
    const messages = [vscode.LanguageModelChatMessage.User("one two")];
    const texts = await said(await (await model()).sendRequest(messages));
    assert(texts.length > 1, "the answer came in one piece");
    assert.equal(texts.join(""), "Asked: one two");
  });

  it("stops when it is cancelled", async () => {
    const cancel = new vscode.CancellationTokenSource();
    const messages = [vscode.LanguageModelChatMessage.User("endless")];
    const response = await (await model()).sendRequest(messages, {}, cancel.token);
    let texts = 0;
    await assert
      .doesNotReject(async () => {
        for await (const _ of response.text) if (++texts === 3) cancel.cancel();
      })
      .catch(() => {});
    assert(texts >= 3);
    // The engine is free again.
    assert.equal(
      (await said(await (await model()).sendRequest([vscode.LanguageModelChatMessage.User("next")]))).join(""),
      "Asked: next",
    );
  });

  it("says what went wrong, and what to do", async () => {
    const failing = async () => said(await (await model()).sendRequest([vscode.LanguageModelChatMessage.User("fail")]));
    await assert.rejects(failing, /download it again/);
  });
});

/** A stream that keeps what a chat would show. */
function recorded() {
  const parts: { kind: string; value: unknown; title?: string | undefined }[] = [];
  const note = (kind: string) => (value: unknown, title?: unknown) => {
    parts.push({ kind, value, title: typeof title === "string" ? title : undefined });
  };
  const stream: vscode.ChatResponseStream = {
    markdown: note("markdown"),
    anchor: note("anchor"),
    button: note("button"),
    filetree: note("filetree"),
    progress: note("progress"),
    reference: note("reference"),
    push: note("push"),
  };
  const text = () => parts.flatMap(({ kind, value }) => (kind === "markdown" ? String(value) : [])).join("");
  const locations = (kind: string) => parts.flatMap((part) => (part.kind === kind ? [part] : []));
  return { stream, parts, text, locations };
}

describe("@repo in the chat", () => {
  type Request = Pick<vscode.ChatRequest, "prompt" | "command" | "references">;

  function request(prompt: string, more: Partial<Request> = {}): Request {
    return { command: undefined, references: [], prompt, ...more };
  }

  const chat: vscode.ChatContext = { history: [] };

  it("streams an answer with the editor's own citations", async () => {
    const { stream, text, locations } = recorded();
    const result = await respond(host, request("How does the service start?"), chat, stream, never());
    assert.match(text(), /reads the configuration, opens the store/);
    assert.match(text(), /const server = createServer\(handle\);/);
    const [reference] = locations("reference");
    assert(reference?.value instanceof vscode.Location);
    assert.equal(reference.value.uri.toString(), file("src/server.ts").toString());
    assert.deepEqual([reference.value.range.start.line, reference.value.range.end.line], [2, 8]);
    assert.equal(result.errorDetails, undefined);
  });

  it("makes a link of each path in the text that is there, and only of those", async () => {
    const { stream, text, locations } = recorded();
    await respond(host, request("How does the service start?"), chat, stream, never());
    const titles = locations("anchor").map(({ title }) => title);
    assert.deepEqual(titles.slice(0, 2), ["src/server.ts", "src/config.ts"]);
    assert.deepEqual(titles.slice(2), ["src/server.ts:3-9", "src/config.ts:3-9", "README.md:3-4"]);
    assert.match(text(), /\n\nSources: /);
    assert.match(text(), /`startServer`/);
  });

  it("makes nothing of scripts, images and commands that a model writes", async () => {
    const { stream, parts, text } = recorded();
    await respond(host, request("hostile"), chat, stream, never());
    assert.doesNotMatch(text(), /(?<!\\)!\[/);
    // Text alone, which VS Code does not trust: no MarkdownString that could be.
    assert(parts.filter(({ kind }) => kind === "markdown").every(({ value }) => typeof value === "string"));
    assert.deepEqual([...new Set(parts.map(({ kind }) => kind))].sort(), [
      "anchor",
      "markdown",
      "progress",
      "reference",
    ]);
  });

  it("lists places for /where, without an answer", async () => {
    const { stream, text, locations } = recorded();
    await respond(host, request("the port", { command: "where" }), chat, stream, never());
    assert.deepEqual(
      locations("anchor").map(({ title }) => title),
      ["src/server.ts:3-9", "src/config.ts:3-9", "README.md:3-4"],
    );
    assert.match(text(), /import \{ findParcel \}/);
    const empty = recorded();
    const { errorDetails } = await respond(host, request("", { command: "where" }), chat, empty.stream, never());
    assert.match(errorDetails?.message ?? "", /Say what to look for/);
  });

  it("explains what is attached, or selected in front", async () => {
    const document = await vscode.workspace.openTextDocument(file("src/parcels.ts"));
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(0, 0, 4, 1);
    const { stream, text } = recorded();
    const result = await respond(host, request("", { command: "explain" }), chat, stream, never());
    assert.equal(result.errorDetails, undefined);
    assert.match(text(), /What it is.*`Parcel` is an? /s);
    const references = [{ id: "1", value: new vscode.Location(file("src/config.ts"), new vscode.Range(7, 13, 7, 25)) }];
    const attached = recorded();
    await respond(host, request("", { command: "explain", references }), chat, attached.stream, never());
    assert.match(attached.text(), /`DEFAULT_PORT` is a/);
  });

  it("offers what to ask next", async () => {
    const { stream } = recorded();
    const result = await respond(host, request("How does the service start?"), chat, stream, never());
    const next = followUps(result);
    assert.equal(next.length, 3);
    assert(next.some(({ prompt, command }) => command === "where" && prompt.includes("src/server.ts")));
    assert.deepEqual(followUps({ errorDetails: { message: "x" } }), []);
  });

  it("stops when it is cancelled", async () => {
    const cancel = new vscode.CancellationTokenSource();
    const { stream, parts } = recorded();
    const markdown = stream.markdown.bind(stream);
    stream.markdown = (value) => {
      markdown(value);
      if (parts.length > 5) cancel.cancel();
    };
    const result = await respond(host, request("endless"), chat, stream, cancel.token);
    assert.equal(result.errorDetails, undefined);
    assert(parts.length < 50, `${parts.length} parts came after the stop`);
  });

  it("says what went wrong, what it means and what to do, with a button that does it", async () => {
    const { stream, locations } = recorded();
    const failure = {
      message: "Tensor blk.3.attn_q.weight lies past the end of the file.",
      meaning: "The model file is damaged.",
      remedy: "Delete it and download it again.",
    };
    const failing = {
      folder: () => host.folder(),
      ready: () => Promise.reject(new RepoMemoryError("model-invalid", failure)),
      log: host.log,
    };
    const result = await respond(failing, request("?"), chat, stream, never());
    assert.match(result.errorDetails?.message ?? "", /past the end of the file\. .*damaged.*download it again/);
    const [button] = locations("button");
    assert.deepEqual(button?.value, { title: "Show the log", command: "repoMemory.showLog" });
  });
});

describe("MCP servers that VS Code starts", () => {
  it("are one for the folder, run by a Node that is there, and answer", async () => {
    const program = vscode.Uri.joinPath(theExtension().extensionUri, "dist/cli.js").fsPath;
    const [definition, ...others] = definitions(program, "1.0.0");
    assert(definition && others.length === 0);
    assert.equal(definition.label, "Repo Memory");
    assert.deepEqual(definition.args.slice(1, 3), ["mcp", file("").fsPath.replace(/\/$/, "")]);
    assert.equal(definition.env["REPO_MEMORY_SECRET_PATTERNS"], "");
    const changes = Object.entries(definition.env).map(([name, value]) => [
      name,
      value === null ? undefined : String(value),
    ]);
    const env = { ...process.env, ...Object.fromEntries(changes) };
    const child = spawn(definition.command, definition.args, { env, stdio: ["pipe", "pipe", "ignore"] });
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "suite", version: "1" } };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params })}\n`);
    const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    assert.equal(JSON.parse(value ?? "").result.serverInfo.name, "repo-memory");
    child.stdin.end();
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  });

  it("are started by VS Code itself, which then offers their tools and resources", async () => {
    await vscode.commands.executeCommand("workbench.mcp.startServer", "*", { waitForLiveTools: true });
    const tool = vscode.lm.tools.find(({ name }) => /repo_memory.*_status$/.test(name));
    assert(tool, `no such tool among ${vscode.lm.tools.map(({ name }) => name).join(", ")}`);
    const { content } = await vscode.lm.invokeTool(tool.name, { toolInvocationToken: undefined, input: {} });
    const said = content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");
    assert.match(said, /empty/);
  });
});
