import * as vscode from "vscode";
import type { Progress, TrainResult } from "../../engine/protocol/requests.ts";
import type { Host } from "../host.ts";
import { percent, timeLeft } from "./figures.ts";

/** Trains the model's look-up on the workspace's folders: minutes to an hour, with progress, and can be stopped and taken up again. */
export async function train(host: Host): Promise<void> {
  const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
  if (folders.length === 0) return;
  const detail = vscode.l10n.t(
    "The look-up learns from the comments and names in this workspace and what it depends on. This takes minutes to an hour of all processors; a stopped training goes on where it was.",
  );
  const start = vscode.l10n.t("Train");
  const question = vscode.l10n.t("Train the look-up on this workspace?");
  if ((await vscode.window.showInformationMessage(question, { modal: true, detail }, start)) !== start) return;
  const client = await host.ready();
  const title = vscode.l10n.t("Training the look-up");
  const options = { location: vscode.ProgressLocation.Notification, cancellable: true, title };
  const result = await vscode.window.withProgress(options, (progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    let done = 0;
    const onProgress = (step: Progress): void => {
      const share = step.total > 0 ? (100 * step.done) / step.total : 0;
      progress.report({ increment: Math.max(0, share - done), message: messageOf(step) });
      done = Math.max(done, share);
    };
    return client.train({ folders }, { signal: stop.signal, onProgress });
  });
  await tell(host, result);
}

function messageOf({ done, total, secondsLeft }: Progress): string {
  const share = total > 0 ? percent(done / total, vscode.env.language) : "";
  return secondsLeft === undefined
    ? share
    : `${share} · ${vscode.l10n.t("{0} left", timeLeft(secondsLeft, vscode.l10n))}`;
}

/** Says what it brought, measured on questions about code that nothing was learnt from. */
async function tell(host: Host, { before, trained, used }: TrainResult): Promise<void> {
  const [was, is] = [before.at8, trained.at8].map((share) => percent(share, vscode.env.language));
  if (!used) {
    const kept = vscode.l10n.t(
      "The trained look-up finds no more than the one before ({0} against {1}), which stays in use.",
      is ?? "",
      was ?? "",
    );
    void vscode.window.showInformationMessage(kept);
    return;
  }
  const restart = vscode.l10n.t("Restart the engine");
  const better = vscode.l10n.t(
    "The right place is now among the first eight for {0} of held-out questions (before: {1}). The engine uses that from its next start on.",
    is ?? "",
    was ?? "",
  );
  if ((await vscode.window.showInformationMessage(better, restart)) === restart) await host.engine.restart();
}
