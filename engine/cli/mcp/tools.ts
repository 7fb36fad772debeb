/** The MCP tools: recall, ask and status. */
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  type CallToolRequest,
  type CallToolResult,
  ErrorCode,
  McpError,
  type ServerNotification,
  type ServerRequest,
  type Tool,
} from "@modelcontextprotocol/sdk/types.js";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import { RepoMemoryError } from "../../protocol/errors.ts";
import type { AskResult, CallContext, EngineApi, LineRange } from "../../protocol/requests.ts";
import { fileUri, type Memory } from "./file-resources.ts";
import {
  type AskInput,
  askInput,
  askOutput,
  type ObjectSchema,
  type RecallInput,
  recallInput,
  recallOutput,
  statusInput,
  statusOutput,
} from "./tool-schemas.ts";
import { type ProgressNote, ToldProgress } from "./told-progress.ts";

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** One call of a tool: where it looks, how it is cancelled, whom it tells. */
interface ToolCall {
  folder: string;
  engine: EngineApi;
  context: CallContext;
  progress: ToldProgress;
}

interface ToolEntry {
  tool: Tool;
  /** Checks what came in, and calls. */
  run(input: unknown, call: ToolCall): Promise<CallToolResult>;
}

const DEFAULT_RESULTS = 8;
const DEFAULT_RECALL_TOKENS = 4000;
const DEFAULT_ANSWER_TOKENS = 400;

const tools: readonly ToolEntry[] = [
  entry<RecallInput>(
    "recall",
    "Recall from the repository",
    "Finds the passages of this repository that a question is about, best first, with their paths, lines and text.",
    recallInput,
    recallOutput,
    recall,
  ),
  entry<AskInput>(
    "ask",
    "Ask the repository",
    "Answers a question about this repository with a small local model, and says which lines the answer was taken from.",
    askInput,
    askOutput,
    ask,
  ),
  entry<object>(
    "status",
    "Status of the memory",
    "Says how much of this repository is in memory, and which model reads it.",
    statusInput,
    statusOutput,
    status,
  ),
];

export function listTools(): Tool[] {
  return tools.map(({ tool }) => tool);
}

/** Calls a tool; what goes wrong in it is a result, so that the model that called can read it. @throws McpError for a tool that is not there */
export async function callTool(
  memory: Memory,
  params: CallToolRequest["params"],
  extra: Extra,
): Promise<CallToolResult> {
  const found = tools.find(({ tool }) => tool.name === params.name);
  if (!found) throw new McpError(ErrorCode.InvalidParams, `There is no tool "${params.name}".`);
  // oxlint-disable-next-line no-underscore-dangle -- the protocol's own name
  const progress = new ToldProgress(teller(params._meta?.progressToken, extra));
  const context: CallContext = { signal: extra.signal, onProgress: (each) => progress.update(each) };
  try {
    const engine = await memory.engine();
    return await found.run(params.arguments ?? {}, { folder: memory.folder, engine, context, progress });
  } catch (thrown) {
    return failure(RepoMemoryError.from(thrown));
  }
}

/** `Input` is what `inputSchema` describes. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it ties the check's result to what `run` takes
function entry<Input>(
  name: string,
  title: string,
  description: string,
  inputSchema: ObjectSchema,
  outputSchema: ObjectSchema,
  run: (input: Input, call: ToolCall) => Promise<CallToolResult>,
): ToolEntry {
  const annotations = { title, readOnlyHint: true, idempotentHint: true, openWorldHint: false };
  const check = new AjvJsonSchemaValidator().getValidator<Input>(inputSchema);
  return {
    tool: { name, title, description, inputSchema, outputSchema, annotations },
    async run(input, call) {
      const checked = check(input);
      if (!checked.valid) throw new RepoMemoryError("usage", { message: `Tool "${name}": ${checked.errorMessage}` });
      return run(checked.data, call);
    },
  };
}

async function recall(input: RecallInput, { folder, engine, context }: ToolCall): Promise<CallToolResult> {
  const { question, maxResults: top = DEFAULT_RESULTS, maxTokens = DEFAULT_RECALL_TOKENS } = input;
  const result = await engine.recall({ folder, question, top, maxTokens, text: true, compare: true }, context);
  const blocks = result.blocks.map(({ text = "", score, why, ...range }) => ({ ...place(range), score, why, text }));
  const said = blocks.map((block) => `${lines(block)}\n\`\`\`\n${block.text.trimEnd()}\n\`\`\``).join("\n\n");
  const structured = { blocks, ...(result.coverage && { coverage: result.coverage }) };
  return answered(said === "" ? "Nothing in the memory fits." : said, structured);
}

async function ask(input: AskInput, { folder, engine, context, progress }: ToolCall): Promise<CallToolResult> {
  const { maxTokens = DEFAULT_ANSWER_TOKENS, ...rest } = input;
  let result: AskResult | undefined;
  let tokens = 0;
  for await (const event of engine.ask({ folder, maxTokens, compare: true, ...rest }, context)) {
    if (event.type === "token") progress.answering(++tokens, maxTokens);
    if (event.type === "end") ({ result } = event);
  }
  if (!result) throw new RepoMemoryError("internal", { message: "The answer has no end." });
  const { answer, found, finish, coverage } = result;
  const sources = result.citations.map(({ score, ...range }) => ({ ...place(range), share: score }));
  const said = sources.length === 0 ? answer : `${answer}\n\nSources: ${sources.map(lines).join(", ")}`;
  return answered(said, { answer, found, sources, finish, ...(coverage && { coverage }) });
}

async function status(_input: object, { folder, engine }: ToolCall): Promise<CallToolResult> {
  const { state, files, blocks, tokens, bytes, device, model, coverage } = await engine.status(folder);
  const optional = { ...(model && { model: model.name }), ...(coverage && { coverage }) };
  const said = `${folder}: ${state}; ${files} files, ${tokens} tokens in memory.`;
  return answered(said, { folder, state, files, blocks, tokens, bytes, device, ...optional });
}

function place({ path, startLine, endLine }: LineRange): LineRange & { uri: string } {
  return { path, startLine, endLine, uri: fileUri(path) };
}

function lines({ path, startLine, endLine }: LineRange): string {
  return `${path}:${startLine}-${endLine}`;
}

function answered(text: string, structuredContent: Record<string, unknown>): CallToolResult {
  return { content: [{ type: "text", text }], structuredContent };
}

function failure({ message, meaning, remedy }: RepoMemoryError): CallToolResult {
  const text = [message, meaning, remedy].filter((sentence) => sentence !== "").join("\n");
  return { content: [{ type: "text", text }], isError: true };
}

/** Sends to a client that wants progress; a client that went away needs none. */
function teller(token: string | number | undefined, extra: Extra): (note: ProgressNote) => void {
  if (token === undefined) return () => undefined;
  return (note) => {
    const params = { progressToken: token, ...note };
    extra.sendNotification({ method: "notifications/progress", params }).catch(() => undefined);
  };
}
