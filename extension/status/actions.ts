/** What helps against an error, and what can be done with the memory now. Knows nothing of VS Code. */
import type { MemoryView } from "../../webview/protocol/messages.ts";
import type { EngineState } from "../engine-process.ts";
import type { Localisation } from "./figures.ts";

/** A command of VS Code with the words on its button. */
export interface Action {
  label: string;
  command: string;
  icon: string;
}

/** What an error's button can do. */
type ErrorAction = NonNullable<NonNullable<MemoryView["error"]>["action"]>;

/** The button of an error. */
export function remedy(action: ErrorAction, l10n: Localisation): Action {
  const remedies: Record<ErrorAction, Action> = {
    download: { label: l10n.t("Choose a model"), command: "repoMemory.chooseModel", icon: "cloud-download" },
    restart: { label: l10n.t("Restart the engine"), command: "repoMemory.restartEngine", icon: "debug-restart" },
    read: { label: l10n.t("Try again"), command: "repoMemory.read", icon: "refresh" },
    showLog: { label: l10n.t("Show the log"), command: "repoMemory.showLog", icon: "output" },
    trust: { label: l10n.t("Manage workspace trust"), command: "workbench.trust.manage", icon: "shield" },
    openFolder: { label: l10n.t("Open a folder"), command: "vscode.openFolder", icon: "folder-opened" },
  };
  return remedies[action];
}

/** What makes sense now, most likely first. */
export function actionsNow(engine: EngineState, memory: MemoryView, l10n: Localisation): Action[] {
  const error = memory.error?.action;
  const restart = remedy("restart", l10n);
  const showLog = remedy("showLog", l10n);
  const choose = remedy("download", l10n);
  if (engine.kind === "failed") return [restart, choose, showLog];
  const help = error === undefined ? [] : [remedy(error, l10n)];
  if (memory.folder === undefined) return [remedy("openFolder", l10n), choose, showLog];
  if (error === "trust") return [...help, showLog];
  const ask = { label: l10n.t("Ask about this repository"), command: "repoMemory.ask", icon: "comment-discussion" };
  const others = [choose, showLog].filter(({ command }) => !help.some((each) => each.command === command));
  return [...help, ask, ...memoryActions(memory, l10n), ...others];
}

function memoryActions({ state, files, meter }: MemoryView, l10n: Localisation): Action[] {
  const pause = { label: l10n.t("Pause reading"), command: "repoMemory.pause", icon: "debug-pause" };
  const resume = { label: l10n.t("Resume reading"), command: "repoMemory.resume", icon: "debug-continue" };
  const read = { label: l10n.t("Read what changed"), command: "repoMemory.read", icon: "refresh" };
  const forget = { label: l10n.t("Forget this folder"), command: "repoMemory.forget", icon: "trash" };
  const again = { label: l10n.t("Read everything again"), command: "repoMemory.readAgain", icon: "sync" };
  const train = { label: l10n.t("Train the look-up on this workspace"), command: "repoMemory.train", icon: "beaker" };
  if (state === "reading") return meter?.phase === "ingest" ? [pause] : [];
  if (state === "paused") return [resume, forget];
  if (files === 0) return [{ ...read, label: l10n.t("Read this folder into memory") }];
  return [read, again, train, forget];
}
