import * as vscode from "vscode";
import type { MemoryView } from "../webview/protocol/messages.ts";
import type { EngineState } from "./engine-process.ts";
import type { Host } from "./host.ts";
import { Throttle } from "./throttle.ts";

/** What the item shows. */
interface Status {
  text: string;
  tooltip: string;
  isWarning: boolean;
}

/** Shows the memory's state in the status bar, and tells VS Code which commands make sense now. */
export function showStatus(host: Host): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("repoMemory.status", vscode.StatusBarAlignment.Right, 90);
  item.name = "Repo Memory";
  item.command = "repoMemory.ask";
  const update = () => {
    const { text, tooltip, isWarning } = status(host.engine.state.value, host.memory.value);
    item.text = text;
    item.tooltip = tooltip;
    item.backgroundColor = isWarning ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    void vscode.commands.executeCommand("setContext", "repoMemory.memory", host.memory.value.state);
  };
  const throttle = new Throttle(update);
  const request = () => throttle.request();
  update();
  item.show();
  return vscode.Disposable.from(item, throttle, host.engine.state.onChange(request), host.memory.onChange(request));
}

function status(engine: EngineState, memory: MemoryView): Status {
  const calm = (text: string, tooltip: string): Status => ({ text, tooltip, isWarning: false });
  if (engine.kind === "failed") return { text: "$(warning) Memory", tooltip: engine.error.message, isWarning: true };
  if (memory.error) return { text: "$(warning) Memory", tooltip: memory.error.message, isWarning: true };
  if (engine.kind === "restarting") return calm("$(sync~spin) Memory", "The engine is starting again.");
  if (engine.kind === "starting") return calm("$(loading~spin) Memory", "The model is loading.");
  if (memory.state === "reading")
    return calm(`$(sync~spin) Memory ${percent(memory)}`, `Reading ${memory.folder ?? ""}`);
  if (memory.state === "paused") return calm(`$(debug-pause) Memory ${percent(memory)}`, "Reading is paused.");
  return calm("$(database) Memory", figures(memory));
}

function percent({ meter }: MemoryView): string {
  return meter && meter.total > 0 ? `${Math.floor((100 * meter.done) / meter.total)} %` : "";
}

function figures({ folder, files, tokens }: MemoryView): string {
  if (files === 0) return "Repo Memory: nothing read yet";
  return `Repo Memory: ${files.toLocaleString()} files of ${folder ?? ""} (${tokens.toLocaleString()} tokens) in memory`;
}
