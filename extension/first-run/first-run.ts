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

/** Until VS Code knows the steps of a walkthrough whose page was just opened, in milliseconds. */
const STEPS_KNOWN_MS = 1000;

/**
 * Tells VS Code which steps of the walkthrough are done, once its page is open: a word that is already true when VS Code first
 * looks at a step ticks nothing off, then or later.
 */
export function followFirstRun(host: Host): vscode.Disposable {
  const done = new Set<string>();
  let isKnown = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (key: string) => {
    if (isKnown && !done.has(key)) void vscode.commands.executeCommand("setContext", key, true);
    done.add(key);
  };
  const look = () => {
    const { folder, model, state, files } = host.memory.value;
    if (folder !== undefined && vscode.workspace.isTrusted) tell(HAS_FOLDER);
    if (model !== undefined) tell(HAS_MODEL);
    if (state === "ready" && files > 0) tell(HAS_READ);
  };
  const opened = (tabs: readonly vscode.Tab[]) => {
    if (timer || !tabs.some(isPage)) return;
    timer = setTimeout(() => {
      isKnown = true;
      for (const key of done) void vscode.commands.executeCommand("setContext", key, true);
    }, STEPS_KNOWN_MS);
  };
  look();
  opened(vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs));
  return vscode.Disposable.from(
    host.memory.onChange(look),
    host.answered.onChange((isAnswered) => isAnswered && tell(HAS_ANSWERED)),
    vscode.window.tabGroups.onDidChangeTabs((change) => opened(change.opened)),
    new vscode.Disposable(() => clearTimeout(timer)),
  );
}

/** A tab of VS Code's own, as walkthroughs are: extensions are not told more of those. */
function isPage({ input }: vscode.Tab): boolean {
  return input === undefined;
}

export async function openWalkthrough(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH, false);
}

/** Asks what any repository can answer. */
export async function askFirstQuestion(host: Host, view: ChatView): Promise<void> {
  await view.focus();
  await host.conversation.ask(vscode.l10n.t("What is this project for?"));
}
