import * as vscode from "vscode";
import type { ViewMessage } from "../../webview/protocol/messages.ts";
import { citationTarget } from "../citation-target.ts";
import { openCitation } from "../open-citation.ts";
import { pathIn } from "../open-files.ts";
import { selectedCode } from "../selected-code.ts";
import type { ChatPage } from "./chat-page.ts";
import { completeMention } from "./complete-mention.ts";
import { droppedMentions } from "./dropped.ts";
import { exportChat } from "./save-chat.ts";
import { slashCommand } from "./slash-commands.ts";
import { applyCode, insertCode } from "./use-code.ts";

type Action = Exclude<ViewMessage, { type: "ready" }>;

/** Does what a page asks. What it names is checked where it is used: it shows what a model wrote. */
export async function actOn(page: ChatPage, message: Action): Promise<void> {
  if (isCommand(message)) await vscode.commands.executeCommand(commandFor[message.type]);
  else if (isAboutChats(message)) await manage(page, message);
  else await talk(page, message);
}

type ChatsMessage = Extract<Action, { type: `${string}Chat` | "searchChats" }>;
type TalkMessage = Exclude<Action, ChatsMessage | CommandMessage>;

function isAboutChats(message: Action): message is ChatsMessage {
  return /Chats?$/.test(message.type);
}

async function manage(page: ChatPage, message: ChatsMessage): Promise<void> {
  const { chats } = page.host;
  switch (message.type) {
    case "newChat":
      page.show(chats.create());
      page.focus();
      break;
    case "openChat":
      openChat(page, message.id);
      break;
    case "renameChat":
      chats.rename(message.id, message.title);
      break;
    case "deleteChat":
      await deleteChat(page, message.id);
      break;
    case "exportChat":
      await exportChat(page.host, message.id);
      break;
    case "searchChats":
      page.search(message.query);
  }
}

async function talk(page: ChatPage, message: TalkMessage): Promise<void> {
  const { conversation } = page.chat;
  switch (message.type) {
    case "ask":
      await ask(page, message);
      break;
    case "retry":
      await conversation.retry(message.id, undefined, askedAt(page, message.id));
      break;
    case "resend":
      await conversation.retry(message.id, message.question, slashCommand(message.question)?.asked);
      break;
    case "stop":
      conversation.stop();
      break;
    case "wish":
      conversation.wish(message.path, message.wish);
      break;
    case "open":
      await openPlace(page, message);
      break;
    case "link":
      await openLink(message.url);
      break;
    case "copy":
      await vscode.env.clipboard.writeText(message.text);
      break;
    case "insert":
      await insertCode(message.text);
      break;
    case "apply":
      await applyCode(message.text);
      break;
    case "complete":
      await complete(page, message);
      break;
    case "drop":
      await drop(page, message.uris);
  }
}

/** A command that says nothing of what it is about means what is selected in the editor, or what the cursor is in. */
async function ask({ host, chat }: ChatPage, { question, mentions }: Extract<Action, { type: "ask" }>): Promise<void> {
  const command = slashCommand(question);
  const editor = command?.about === "" && mentions.length === 0 ? editorIn(host.folder()) : undefined;
  const selection = editor && (await selectedCode(editor));
  await chat.conversation.ask(question, selection, { mentions, ...(command && { asked: command.asked }) });
}

/** The editor in front, where it shows a file of the folder: the engine takes no other file's lines. */
function editorIn(folder: vscode.WorkspaceFolder | undefined): vscode.TextEditor | undefined {
  const editor = vscode.window.activeTextEditor;
  return folder && editor && pathIn(folder, editor.document.uri) !== undefined ? editor : undefined;
}

/** What a question of an earlier session asked, if it began with a command. */
function askedAt({ chat }: ChatPage, id: number): string | undefined {
  return slashCommand(chat.conversation.turns.find((turn) => turn.id === id)?.question ?? "")?.asked;
}

async function complete(page: ChatPage, { request, query }: Extract<Action, { type: "complete" }>): Promise<void> {
  const mentions = await completeMention(page.host, query);
  page.post({ type: "completions", request, mentions });
}

async function drop(page: ChatPage, uris: readonly string[]): Promise<void> {
  const folder = page.host.folder();
  const mentions = folder ? await droppedMentions(folder, uris) : [];
  if (mentions.length > 0) page.post({ type: "mention", mentions });
  else
    void vscode.window.showInformationMessage(
      vscode.l10n.t("Only files and folders of the workspace can be asked about."),
    );
}

/** Buttons of the panel that do what a command does. */
const commandFor = {
  pause: "repoMemory.pause",
  resume: "repoMemory.resume",
  read: "repoMemory.read",
  download: "repoMemory.downloadModel",
  restart: "repoMemory.restartEngine",
  showLog: "repoMemory.showLog",
  chooseFolder: "repoMemory.chooseFolder",
  chooseModel: "repoMemory.chooseModel",
  trust: "workbench.trust.manage",
  openFolder: "vscode.openFolder",
} as const;

type CommandMessage = Extract<Action, { type: keyof typeof commandFor }>;

function isCommand(message: Action): message is CommandMessage {
  return Object.hasOwn(commandFor, message.type);
}

function openChat(page: ChatPage, id: string): void {
  const chat = page.host.chats.get(id);
  if (!chat) return;
  page.show(chat);
  page.focus();
}

/** A chat cannot be brought back, so it is asked for first. */
async function deleteChat({ host: { chats } }: ChatPage, id: string): Promise<void> {
  const found = chats.list("").find((chat) => chat.id === id);
  if (!found) return;
  const confirm = vscode.l10n.t("Delete");
  const question = vscode.l10n.t("Delete the chat “{0}”?", found.title);
  const detail = vscode.l10n.t("It cannot be brought back. The memory of your files stays.");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, confirm)) === confirm)
    chats.remove(id);
}

async function openPlace({ host }: ChatPage, place: Extract<Action, { type: "open" }>): Promise<void> {
  const asked = host.folder();
  const all = [...(asked ? [asked] : []), ...(vscode.workspace.workspaceFolders ?? [])];
  // An answer may be of another folder than the one that is asked about now.
  for (const folder of all)
    if ((await citationTarget(folder.uri.fsPath, place.path)) !== undefined) return openCitation(folder, place);
  if (asked) await openCitation(asked, place);
}

/** Links were written by a model: the whole address is shown before anything is opened. */
async function openLink(url: string): Promise<void> {
  const open = vscode.l10n.t("Open");
  const question = vscode.l10n.t("Open this address, which the model wrote?");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail: url }, open)) !== open) return;
  await vscode.env.openExternal(vscode.Uri.parse(url, true));
}
