/** A Model Context Protocol server over one folder's memory (modelcontextprotocol.io, revision 2025-11-25). */
import { basename } from "node:path";
import type { Readable, Writable } from "node:stream";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { EngineApi } from "../../protocol/requests.ts";
import { fileResources, type Memory } from "./file-resources.ts";
import { callTool, listTools } from "./tools.ts";

/** What a server is started with. */
export interface McpOptions {
  /** Absolute path: all that is ever served lies in it. */
  folder: string;
  /** Opened at the first call that needs it. */
  engine: () => Promise<EngineApi>;
  input: Readable;
  /** Gets protocol messages and nothing else. */
  output: Writable;
  /** Aborted when the server is to end. */
  signal: AbortSignal;
  /** More files that must never be read, as `EngineOptions.secretPatterns`. */
  secretPatterns: readonly string[];
  /** Lines for people. */
  log: (line: string) => void;
}

const INSTRUCTIONS = `Repo Memory has read the folder {folder} and remembers it, on this machine.
Use "recall" to find the code that a question is about: it returns the best passages with their paths and lines, and is quick.
Use "ask" for a short answer written by the local model, with its sources; it is small, so check what it says against them.
Use "status" to see how much has been read. Files in memory are resources: repo-memory:///path/in/folder.`;

/** Serves until the client goes or the signal is aborted. What is in work then is cancelled. */
export async function serveMcp(options: McpOptions): Promise<void> {
  const { folder, input, output, signal, log } = options;
  const memory: Memory = { folder, engine: options.engine, secretPatterns: options.secretPatterns };
  // The high-level class takes schemas of one library alone; the tools' own are plain JSON Schema.
  const server = new Server(
    { name: "repo-memory", title: "Repo Memory", version: process.env["REPO_MEMORY_VERSION"] ?? "0.0.0-source" },
    {
      capabilities: { tools: {}, resources: {} },
      instructions: INSTRUCTIONS.replace("{folder}", basename(folder)),
    },
  );
  const resources = fileResources(memory);
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: listTools() }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => callTool(memory, params, extra));
  server.setRequestHandler(ListResourcesRequestSchema, ({ params }) => resources.list(params?.cursor));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: resources.templates() }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => resources.read(params.uri));
  const { promise: closed, resolve: onclose } = Promise.withResolvers<void>();
  Object.assign(server, { onclose, onerror: (error: Error) => log(`mcp: ${error.message}`) });
  const close = () => void server.close();
  // Clients end a server by closing its input; the transport does not look for that.
  input.once("end", close).once("close", close);
  signal.addEventListener("abort", close, { once: true });
  await server.connect(new StdioServerTransport(input, output));
  if (signal.aborted || input.readableEnded) close();
  await closed;
}
