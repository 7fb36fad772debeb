import * as vscode from "vscode";

/** The scheme of documents that show how a file would be; `package.json` shows the buttons by it. */
const SCHEME = "repo-memory-proposal";
const ACCEPT = "repoMemory.acceptChange";
const DISCARD = "repoMemory.discardChange";

/** A change that waits for the user's word, by the address of its diff's right side. */
const waiting = new Map<string, { text: string; answer: (isAccepted: boolean) => void }>();
let shown = 0;

/** Registers what shows proposals, and the commands that answer the one in front. */
export function registerProposals(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => waiting.get(uri.toString())?.text ?? "",
    }),
    vscode.commands.registerCommand(ACCEPT, () => answerInFront(true)),
    vscode.commands.registerCommand(DISCARD, () => answerInFront(false)),
    vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
      for (const tab of closed) waiting.get(proposalOf(tab) ?? "")?.answer(false);
    }),
  );
}

/**
 * Shows a file beside how it would be, as a diff, and resolves to what the user says: a closed diff is a no.
 * @param file what is there; undefined for a file that is to be made
 */
export async function isAccepted(
  path: string,
  label: string,
  file: vscode.Uri | undefined,
  text: string,
): Promise<boolean> {
  const proposal = vscode.Uri.from({ scheme: SCHEME, path, query: `${++shown}` });
  const before = file ?? vscode.Uri.from({ scheme: SCHEME, path, query: "nothing" });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  waiting.set(proposal.toString(), { text, answer: resolve });
  try {
    const title = vscode.l10n.t("{0}: {1} (apply or discard)", label, path.split("/").at(-1) ?? path);
    await vscode.commands.executeCommand("vscode.diff", before, proposal, title, { preview: false });
    return await promise;
  } finally {
    waiting.delete(proposal.toString());
    await closeTab(proposal.toString());
  }
}

function answerInFront(isYes: boolean): void {
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
  waiting.get(proposalOf(tab) ?? "")?.answer(isYes);
}

async function closeTab(proposal: string): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) => proposalOf(tab) === proposal);
  if (tabs.length > 0) await vscode.window.tabGroups.close(tabs);
}

function proposalOf(tab: vscode.Tab | undefined): string | undefined {
  return tab?.input instanceof vscode.TabInputTextDiff ? tab.input.modified.toString() : undefined;
}
