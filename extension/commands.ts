import * as vscode from "vscode";
import type { ChatView } from "./chat-view.ts";
import type { Host } from "./host.ts";
import { selectedCode } from "./selected-code.ts";

type Command = (host: Host, view: ChatView) => unknown;

/** Every command of package.json, by its id. */
const commands: Record<string, Command> = {
  "repoMemory.explain": explain,
  "repoMemory.ask": (_host, view) => view.focus(),
  "repoMemory.newChat": newChat,
  "repoMemory.stop": (host) => host.conversation.stop(),
  "repoMemory.read": (host) => host.read(),
  "repoMemory.pause": (host) => withMemory(host, (memory, client) => memory.pause(client)),
  "repoMemory.resume": (host) => withMemory(host, (memory, client) => memory.resume(client)),
  "repoMemory.forget": forget,
  "repoMemory.chooseFolder": chooseFolder,
  "repoMemory.downloadModel": (host) => host.download(),
  "repoMemory.restartEngine": (host) => host.engine.restart(),
  "repoMemory.showLog": (host) => host.log.show(),
};

/** Registers all commands. */
export function registerCommands(host: Host, view: ChatView): vscode.Disposable {
  const registered = Object.entries(commands).map(([id, command]) =>
    vscode.commands.registerCommand(id, () => command(host, view)),
  );
  return vscode.Disposable.from(...registered);
}

async function explain(host: Host, view: ChatView): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const folder = editor && vscode.workspace.getWorkspaceFolder(editor.document.uri);
  if (!editor || !folder) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("Open a file of the workspace and select the code to explain."),
    );
    return;
  }
  host.choose(folder);
  const selection = await selectedCode(editor);
  await view.focus();
  await host.conversation.ask(
    vscode.l10n.t("Explain this code, and how the rest of the repository uses it."),
    selection,
  );
}

async function newChat(host: Host, view: ChatView): Promise<void> {
  host.conversation.clear();
  await view.focus();
}

async function forget(host: Host): Promise<void> {
  const folder = host.folder();
  const client = host.client();
  if (!folder || !client) return;
  const confirm = vscode.l10n.t("Forget");
  const question = vscode.l10n.t("Forget everything that was read of {0}?", folder.name);
  const detail = vscode.l10n.t("Your files stay as they are. Reading them again takes as long as the first time.");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, confirm)) !== confirm) return;
  const memory = host.memoryOf(folder);
  memory.reset();
  await client.forget({ folder: memory.folder });
}

async function chooseFolder(host: Host): Promise<void> {
  const folder = await vscode.window.showWorkspaceFolderPick({ placeHolder: vscode.l10n.t("Ask about which folder?") });
  if (folder) host.choose(folder);
}

type Memory = ReturnType<Host["memoryOf"]>;
type Client = NonNullable<ReturnType<Host["client"]>>;

async function withMemory(host: Host, action: (memory: Memory, client: Client) => Promise<void>): Promise<void> {
  const folder = host.folder();
  const client = host.client();
  if (folder && client) await action(host.memoryOf(folder), client);
}
