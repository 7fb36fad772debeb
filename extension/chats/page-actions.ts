import * as vscode from "vscode";
import type { ViewMessage } from "../../webview/protocol/messages.ts";
import { openCitation } from "../open-citation.ts";
import type { ChatPage } from "./chat-page.ts";
import { exportChat } from "./save-chat.ts";

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
      await conversation.ask(message.question, undefined, { mentions: message.mentions });
      break;
    case "retry":
      await conversation.retry(message.id);
      break;
    case "resend":
      await conversation.retry(message.id, message.question);
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
    case "apply":
    case "complete":
    case "drop":
  }
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
  const folder = host.folder();
  if (folder) await openCitation(folder, place);
}

/** Links were written by a model: the whole address is shown before anything is opened. */
async function openLink(url: string): Promise<void> {
  const open = vscode.l10n.t("Open");
  const question = vscode.l10n.t("Open this address, which the model wrote?");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail: url }, open)) !== open) return;
  await vscode.env.openExternal(vscode.Uri.parse(url, true));
}
