import * as vscode from "vscode";
import type { Meter } from "../../webview/protocol/messages.ts";
import type { FolderMemory } from "../folder-memory.ts";
import type { Host } from "../host.ts";
import { bytes, timeLeft } from "../status/figures.ts";
import { reporting } from "../status/report-error.ts";

/** Shows every download of a model with its progress; it can be cancelled, and taken up where it ended. */
export function showDownloads(host: Host): vscode.Disposable {
  let isShown = false;
  return host.memory.onChange(({ meter }) => {
    const folder = host.folder();
    if (isShown || meter?.phase !== "download" || !folder) return;
    isShown = true;
    void follow(host, host.memoryOf(folder)).finally(() => (isShown = false));
  });
}

async function follow(host: Host, memory: FolderMemory): Promise<void> {
  const title = vscode.l10n.t("Downloading a model");
  const options = { location: vscode.ProgressLocation.Notification, cancellable: true, title };
  const stopped = await vscode.window.withProgress(options, (progress, token) => {
    const cancelled = token.onCancellationRequested(() => host.stopDownload(memory));
    return untilOver(memory, progress)
      .finally(() => cancelled.dispose())
      .then(() => token.isCancellationRequested);
  });
  if (!stopped) return;
  const resume = vscode.l10n.t("Go on");
  const kept = vscode.l10n.t("The download was stopped. What is there is kept.");
  if ((await vscode.window.showInformationMessage(kept, resume)) === resume) await reporting(host, () => host.read());
}

/** Settles when the folder's memory reports something else than a download. */
function untilOver(
  memory: FolderMemory,
  progress: vscode.Progress<{ increment: number; message: string }>,
): Promise<void> {
  return new Promise((resolve) => {
    let shown = 0;
    const subscription = memory.facts.onChange(({ meter }) => {
      if (meter?.phase === "download") {
        const share = meter.total > 0 ? (100 * meter.done) / meter.total : 0;
        progress.report({ increment: Math.max(0, share - shown), message: messageOf(meter) });
        shown = Math.max(shown, share);
        return;
      }
      subscription.dispose();
      resolve();
    });
  });
}

function messageOf({ done, total, rate, secondsLeft }: Meter): string {
  const { language } = vscode.env;
  const parts = [vscode.l10n.t("{0} of {1}", bytes(done, language), bytes(total, language))];
  if (rate > 0) parts.push(vscode.l10n.t("{0} a second", bytes(rate, language)));
  if (secondsLeft !== undefined) parts.push(vscode.l10n.t("{0} left", timeLeft(secondsLeft, vscode.l10n)));
  return parts.join(" · ");
}
