import * as vscode from "vscode";
import type { Host } from "./host.ts";
import { type Action, actionsNow } from "./status/actions.ts";
import { describeStatus, type Severity, type StatusDescription } from "./status/describe-status.ts";
import { Throttle } from "./throttle.ts";

/** Opens the list of what can be done now. */
const SHOW_STATUS = "repoMemory.showStatus";

/** Shows the memory's state in the status bar and the language status, and tells VS Code which commands make sense now. */
export function showStatus(host: Host): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("repoMemory.status", vscode.StatusBarAlignment.Right, 90);
  item.name = "Repo Memory";
  item.command = SHOW_STATUS;
  const language = vscode.languages.createLanguageStatusItem("repoMemory.language", { scheme: "file" });
  language.name = "Repo Memory";
  language.command = { command: SHOW_STATUS, title: vscode.l10n.t("Show") };
  const update = () => {
    const { status, actions } = present(host);
    showInBar(item, status, actions);
    showForLanguage(language, status);
    void vscode.commands.executeCommand("setContext", "repoMemory.memory", host.memory.value.state);
  };
  const throttle = new Throttle(update);
  const request = () => throttle.request();
  update();
  item.show();
  const changes = [host.engine.state.onChange(request), host.memory.onChange(request)];
  return vscode.Disposable.from(item, language, throttle, ...changes);
}

/** Shows the state with what can be done about it, and does what is picked. */
export async function pickAction(host: Host): Promise<void> {
  const { status, actions } = present(host);
  const items = actions.map((action) => ({ label: `$(${action.icon}) ${action.label}`, action }));
  const facts = [status.summary, ...(status.error ? [status.error.remedy] : status.facts)];
  const title = facts.filter((fact) => fact !== "").join(" · ");
  const picked = await vscode.window.showQuickPick(items, { title: "Repo Memory", placeHolder: title });
  if (picked) await vscode.commands.executeCommand(picked.action.command);
}

function present(host: Host): { status: StatusDescription; actions: Action[] } {
  const audience = { l10n: vscode.l10n, language: vscode.env.language };
  return {
    status: describeStatus(host.engine.state.value, host.memory.value, audience),
    actions: actionsNow(host.engine.state.value, host.memory.value, vscode.l10n),
  };
}

function showInBar(item: vscode.StatusBarItem, status: StatusDescription, actions: Action[]): void {
  const { icon, isBusy, short, summary, severity } = status;
  item.text = `$(${icon}${isBusy ? "~spin" : ""}) ${short}`;
  item.tooltip = tooltip(status, actions);
  item.accessibilityInformation = { label: `Repo Memory: ${summary} ${status.facts.join(", ")}` };
  const background = { information: undefined, warning: "warningBackground", error: "errorBackground" }[severity];
  item.backgroundColor = background ? new vscode.ThemeColor(`statusBarItem.${background}`) : undefined;
}

/** Facts may hold names of folders and models: they are put in as text, never as Markdown. */
function tooltip(status: StatusDescription, actions: Action[]): vscode.MarkdownString {
  const text = new vscode.MarkdownString("", true);
  text.isTrusted = { enabledCommands: actions.map(({ command }) => command) };
  const facts = status.error ? [status.error.meaning, status.error.remedy] : status.facts;
  text.appendMarkdown(["**Repo Memory**", ...[status.summary, ...facts].map(plain)].join("\n\n"));
  const links = actions.map(({ label, icon, command }) => `[$(${icon}) ${label}](command:${command})`);
  return text.appendMarkdown(`\n\n---\n\n${links.join(" &nbsp; ")}`);
}

/** Text that means nothing in Markdown. `appendText` would do, but for its spaces, at which no line can end. */
function plain(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()#+\-.!~<>|$&]/g, "\\$&");
}

function showForLanguage(
  item: vscode.LanguageStatusItem,
  { short, summary, facts, isBusy, severity }: StatusDescription,
) {
  const severities: Record<Severity, vscode.LanguageStatusSeverity> = {
    information: vscode.LanguageStatusSeverity.Information,
    warning: vscode.LanguageStatusSeverity.Warning,
    error: vscode.LanguageStatusSeverity.Error,
  };
  item.text = short;
  item.detail = facts[0] ?? summary;
  item.busy = isBusy;
  item.severity = severities[severity];
}
