import * as vscode from "vscode";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { Host } from "../host.ts";
import { errorCard } from "../view-model.ts";
import { type Action, remedy } from "./actions.ts";

/** Runs a command's work; what goes wrong is told with what it means, what to do, and a button that does it. */
export async function reporting(host: Host, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    await reportError(host, error);
  }
}

/** Tells of an error; being stopped is none. */
async function reportError(host: Host, thrown: unknown): Promise<void> {
  const error = RepoMemoryError.from(thrown);
  if (error.code === "cancelled") return;
  host.log.error(`${error.code}: ${error.message}`);
  const { message, meaning, remedy: advice, action } = errorCard(error, vscode.l10n);
  const showLog = remedy("showLog", vscode.l10n);
  const actions: Action[] =
    action === undefined || action === "showLog" ? [showLog] : [remedy(action, vscode.l10n), showLog];
  const text = [message, meaning, advice].filter((sentence) => sentence !== "").join(" ");
  const buttons = actions.map(({ label, command }) => ({ title: label, command }));
  const picked = await vscode.window.showErrorMessage(text, ...buttons);
  if (picked) await vscode.commands.executeCommand(picked.command);
}
