import { type Command, type CommandCall, existingFolder } from "../command.ts";

/** Serves MCP; its libraries are loaded by `run`, so that the other commands start as fast without them. */
export const mcpCommand: Command = {
  name: "mcp",
  usage: "[DIR]",
  summary: "Serve a folder's memory to other programs: a Model Context Protocol server on standard input and output.",
  options: {
    download: { type: "boolean", help: "Fetch a model where there is none; otherwise nothing is ever fetched" },
  },
  examples: [
    {
      line: "repo-memory mcp ~/src/app",
      does: "started by an MCP client: tools recall, ask and status, files as resources",
    },
    { line: "repo-memory mcp", does: "the folder that the client starts it in" },
  ],
  // A program that another one started must not fetch gigabytes unasked.
  engineOptions: (args) => ({ mayDownload: args.flag("download") }),
  run: runMcp,
};

async function runMcp(call: CommandCall): Promise<void> {
  const { args, environment, terminal } = call;
  args.expect(["DIR"], 0);
  const folder = await existingFolder(call, args.positionals[0] ?? ".");
  const { serveMcp } = await import("./serve-mcp.ts");
  await serveMcp({
    folder,
    engine: () => call.engine(),
    input: environment.stdin,
    output: environment.stdout,
    signal: environment.signal,
    secretPatterns: (environment.env["REPO_MEMORY_SECRET_PATTERNS"] ?? "").split("\n"),
    log: (line) => terminal.note(line),
  });
}
