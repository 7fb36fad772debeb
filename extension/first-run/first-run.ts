/** The first minutes with the extension: a walkthrough whose steps tick themselves off, the last with an answered question. */
import * as vscode from "vscode";
import type { ChatView } from "../chat-view.ts";
import type { Host } from "../host.ts";

/** The walkthrough's id in package.json. */
const WALKTHROUGH = "repo-memory.repo-memory#repoMemory.firstRun";

/** Under which VS Code finds what the steps of the walkthrough wait for. */
const HAS_FOLDER = "repoMemory.hasFolder";
const HAS_MODEL = "repoMemory.hasModel";
const HAS_READ = "repoMemory.hasRead";
const HAS_ANSWERED = "repoMemory.hasAnswered";

/** Tells VS Code which steps of the walkthrough are done. */
export function followFirstRun(host: Host): vscode.Disposable {
  const done = new Set<string>();
  const tell = (key: string) => {
    if (done.has(key)) return;
    done.add(key);
    void setContext(key, true);
  };
  const look = () => {
    const { folder, model, state, files } = host.memory.value;
    if (folder !== undefined && vscode.workspace.isTrusted) tell(HAS_FOLDER);
    if (model !== undefined) tell(HAS_MODEL);
    if (state === "ready" && files > 0) tell(HAS_READ);
  };
  look();
  return vscode.Disposable.from(
    host.memory.onChange(look),
    host.answered.onChange((isAnswered) => isAnswered && tell(HAS_ANSWERED)),
    vscode.window.tabGroups.onDidChangeTabs(({ opened }) => void (opened.some(isPage) && tellAgain(done))),
  );
}

/** Steps are ticked off when their word changes: what was so before the walkthrough was there has to be said anew. */
async function tellAgain(done: ReadonlySet<string>): Promise<void> {
  for (const key of done) {
    await setContext(key, false);
    await setContext(key, true);
  }
}

/** A tab of VS Code's own, as walkthroughs are: extensions are not told more of those. */
function isPage({ input }: vscode.Tab): boolean {
  return input === undefined;
}

async function setContext(key: string, value: boolean): Promise<void> {
  await vscode.commands.executeCommand("setContext", key, value);
}

export async function openWalkthrough(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH, false);
}

/** Asks what any repository can answer. */
export async function askFirstQuestion(host: Host, view: ChatView): Promise<void> {
  await view.focus();
  await host.conversation.ask(vscode.l10n.t("What is this project for?"));
}
