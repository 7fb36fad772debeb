import * as vscode from "vscode";
import type { ChatView } from "./chat-view.ts";
import type { Host } from "./host.ts";
import { askFirstQuestion, openWalkthrough } from "./first-run/first-run.ts";
import { chooseModel, downloadModel } from "./models/choose-model.ts";
import { pickAction } from "./status-bar.ts";
import { forgetFiles, forgetFolder, forgetWorkspace, pause, readAgain, resume } from "./status/memory-commands.ts";
import { reporting } from "./status/report-error.ts";
import { train } from "./status/train-command.ts";

/** `uri` and `picked`: what a menu of the explorer or of an editor was opened on. */
type Command = (host: Host, view: ChatView, uri?: unknown, picked?: unknown) => unknown;

/** Every command of package.json, by its id. */
const commands: Record<string, Command> = {
  "repoMemory.ask": (_host, view) => view.focus(),
  "repoMemory.stop": (host) => host.conversation.stop(),
  "repoMemory.read": (host) => host.read(),
  "repoMemory.readAgain": readAgain,
  "repoMemory.pause": pause,
  "repoMemory.resume": resume,
  "repoMemory.forget": forgetFolder,
  "repoMemory.forgetWorkspace": forgetWorkspace,
  "repoMemory.forgetFile": (host, _view, uri, picked) => forgetFiles(host, uri, picked),
  "repoMemory.train": train,
  "repoMemory.showStatus": pickAction,
  "repoMemory.chooseFolder": chooseFolder,
  "repoMemory.chooseModel": chooseModel,
  "repoMemory.downloadModel": downloadModel,
  "repoMemory.openWalkthrough": openWalkthrough,
  "repoMemory.askFirstQuestion": askFirstQuestion,
  "repoMemory.restartEngine": (host) => host.engine.restart(),
  "repoMemory.showLog": (host) => host.log.show(),
};

/** Registers all commands. */
export function registerCommands(host: Host, view: ChatView): vscode.Disposable {
  const registered = Object.entries(commands).map(([id, command]) =>
    vscode.commands.registerCommand(id, (uri: unknown, picked: unknown) =>
      reporting(host, () => command(host, view, uri, picked)),
    ),
  );
  return vscode.Disposable.from(...registered);
}

async function chooseFolder(host: Host): Promise<void> {
  const folder = await vscode.window.showWorkspaceFolderPick({ placeHolder: vscode.l10n.t("Ask about which folder?") });
  if (folder) host.choose(folder);
}
