/** The folders' memories as MCP servers that VS Code starts by itself, for its own chat and for others that it serves. */
import * as vscode from "vscode";
import type { OpenParams } from "../../engine/protocol/rpc.ts";
import { changesEngine, openParams } from "../settings.ts";

/** The provider's id in package.json. */
const PROVIDER = "repo-memory.mcp";

/** How a server is started; as `vscode.McpStdioServerDefinition` has it. */
interface Start {
  command: string;
  args: string[];
  env: Record<string, string | null>;
}

/** Registers the provider that package.json declares: one server a folder, none before the workspace is trusted. */
export function registerMcpServers(context: vscode.ExtensionContext): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const program = context.asAbsolutePath("dist/cli.js");
  const { version }: { version?: string } = context.extension.packageJSON;
  return vscode.Disposable.from(
    changed,
    vscode.workspace.onDidChangeWorkspaceFolders(() => changed.fire()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire()),
    vscode.workspace.onDidChangeConfiguration((event) => changesEngine(event) && changed.fire()),
    vscode.lm.registerMcpServerDefinitionProvider(PROVIDER, {
      onDidChangeMcpServerDefinitions: changed.event,
      provideMcpServerDefinitions: () => definitions(program, version),
    }),
  );
}

/** One server for each folder of a trusted workspace. */
export function definitions(program: string, version = ""): vscode.McpStdioServerDefinition[] {
  if (!vscode.workspace.isTrusted) return [];
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
  return folders.map(({ uri, name }) => {
    const { command, args, env } = mcpStart(program, uri.fsPath, openParams());
    const label = folders.length === 1 ? "Repo Memory" : `Repo Memory (${name})`;
    return new vscode.McpStdioServerDefinition(label, command, args, env, version);
  });
}

/** The Node that runs this, and the command line with this window's settings: they decide what is never read. */
function mcpStart(program: string, folder: string, params: OpenParams): Start {
  const { model, dataDir, threads, diskBudgetBytes, priority, maxFileBytes, secretPatterns = [] } = params;
  const options = {
    model,
    data: dataDir,
    threads,
    "disk-budget": diskBudgetBytes === undefined ? undefined : diskBudgetBytes / 1e9,
    priority,
    "max-file-kib": maxFileBytes === undefined ? undefined : maxFileBytes / 1024,
  };
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
  return {
    command: process.execPath,
    args: [program, "mcp", folder, ...given],
    env: {
      ...withoutEditor(process.env),
      ...(process.versions["electron"] !== undefined && { ELECTRON_RUN_AS_NODE: "1" }),
      REPO_MEMORY_SECRET_PATTERNS: secretPatterns.join("\n"),
    },
  };
}

/** The editor's variables for its own children would change how ours starts: they are taken out. */
function withoutEditor(env: NodeJS.ProcessEnv): Record<string, null> {
  const names = Object.keys(env).filter((name) => /^(VSCODE_|ELECTRON_|NODE_OPTIONS$|NODE_CHANNEL)/.test(name));
  return Object.fromEntries(names.map((name) => [name, null]));
}
