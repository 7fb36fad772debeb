import * as vscode from "vscode";
import type { Host } from "../host.ts";
import { toldText } from "../status/told-error.ts";
import { registerMcpServers } from "./mcp-servers.ts";
import { registerMemoryTool } from "./memory-tool.ts";
import { registerModelProvider } from "./model-provider.ts";
import { registerParticipant } from "./participant.ts";

/** Puts memory and model into other people's hands: VS Code's chat, its language models and tools, MCP clients. */
export function shareMemory(host: Host, context: vscode.ExtensionContext): vscode.Disposable {
  const parts = [
    () => registerParticipant(host, context.extensionUri),
    () => registerMemoryTool(host),
    () => registerModelProvider(host, context.globalState),
    () => registerMcpServers(context),
  ];
  // An editor made from VS Code may lack one of them: the others, and the panel, work all the same.
  const registered = parts.flatMap((register) => {
    try {
      return [register()];
    } catch (error) {
      host.log.warn(toldText(error, vscode.l10n));
      return [];
    }
  });
  return vscode.Disposable.from(...registered);
}
