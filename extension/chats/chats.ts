import { randomUUID } from "node:crypto";
import type { ChatView, HostMessage } from "../../webview/protocol/messages.ts";
import { type ChatSummary, MAX_TITLE_LENGTH } from "../../webview/protocol/turn.ts";
import { Conversation, type ConversationPorts } from "../conversation.ts";
import type { ChatStorage } from "./chat-files.ts";
import type { SavedChat } from "./saved-chat.ts";
import { excerptOf } from "./search.ts";

/** Chats that are kept of a workspace; the ones that were left alone longest go. */
const MOST_CHATS = 100;

/** How the chats reach the engine, the views and what VS Code keeps. */
export interface ChatsPorts extends Pick<ConversationPorts, "ask" | "links" | "l10n"> {
  tell(chat: string, message: HostMessage): void;
  /** The list of chats, or something in it, is another. */
  changed(): void;
  /** Something could not be kept. */
  failed(error: unknown): void;
  now(): number;
}

/** One chat of several. */
export interface Chat {
  readonly id: string;
  title: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  changed: number;
  readonly conversation: Conversation;
}

/** All chats of a workspace. One is current: commands ask there. */
export class Chats {
  readonly #ports: ChatsPorts;
  readonly #storage: ChatStorage | undefined;
  readonly #chats = new Map<string, Chat>();
  readonly #last: string | undefined;
  #current: Chat;
  #loaded: Promise<void> | undefined;

  /** @param last the chat that was current when the window closed, to go on with */
  constructor(ports: ChatsPorts, storage?: ChatStorage, last?: string) {
    this.#ports = ports;
    this.#storage = storage;
    this.#last = last;
    this.#current = this.create();
  }

  /** Settles when what was kept is here. It is read when it is asked for first: a window that shows no chat reads none. */
  get loaded(): Promise<void> {
    this.#loaded ??= this.#load().catch((error: unknown) => this.#ports.failed(error));
    return this.#loaded;
  }

  get current(): Chat {
    return this.#current;
  }

  /** A chat by its id; undefined when it is gone. */
  get(id: string): Chat | undefined {
    return this.#chats.get(id);
  }

  /** Makes a chat the current one. */
  use(chat: Chat): void {
    if (this.#current === chat) return;
    this.#current = chat;
    this.#ports.changed();
  }

  /** A chat without questions: the current one where it has none, else a new one. */
  fresh(): Chat {
    this.#current = isEmpty(this.#current) ? this.#current : this.create();
    return this.#current;
  }

  /** A new chat, which is kept from its first question on. */
  create(): Chat {
    const now = this.#ports.now();
    return this.#add({ id: randomUUID(), title: "", created: now, changed: now, turns: [], pinned: [], excluded: [] });
  }

  /** Chats that have `query` in their title, questions or answers, the latest first; all that were asked something for "". */
  list(query: string): ChatSummary[] {
    const chats = [...this.#chats.values()].filter((chat) => !isEmpty(chat));
    return chats.toSorted((a, b) => b.changed - a.changed).flatMap((chat) => summary(chat, query) ?? []);
  }

  rename(id: string, title: string): void {
    const chat = this.#chats.get(id);
    if (!chat) return;
    chat.title = title.slice(0, MAX_TITLE_LENGTH);
    this.#save(chat);
  }

  /** Deletes a chat, here and on disk. */
  remove(id: string): void {
    const chat = this.#chats.get(id);
    if (!chat) return;
    chat.conversation.stop();
    this.#chats.delete(id);
    this.#storage?.remove(id).catch((error: unknown) => this.#ports.failed(error));
    if (this.#current === chat) this.#current = this.create();
    this.#ports.changed();
  }

  async #load(): Promise<void> {
    for (const saved of (await this.#storage?.load()) ?? []) if (!this.#chats.has(saved.id)) this.#add(saved);
    const before = this.#last === undefined ? undefined : this.#chats.get(this.#last);
    if (before && isEmpty(this.#current)) this.#current = before;
    this.#ports.changed();
  }

  #add({ id, title, created, changed, ...saved }: SavedChat): Chat {
    const conversation = new Conversation(
      {
        ask: (question, context) => this.#ports.ask(question, context),
        links: (turn) => this.#ports.links(turn),
        l10n: this.#ports.l10n,
        tell: (message) => this.#ports.tell(id, message),
        save: () => this.#talked(chat),
      },
      saved,
    );
    const chat: Chat = { id, title, created, changed, conversation };
    this.#chats.set(id, chat);
    return chat;
  }

  #talked(chat: Chat): void {
    if (this.#chats.get(chat.id) !== chat) return;
    chat.changed = this.#ports.now();
    this.#save(chat);
    this.#dropOldest();
  }

  #save(chat: Chat): void {
    this.#storage?.save(snapshot(chat)).catch((error: unknown) => this.#ports.failed(error));
    this.#ports.changed();
  }

  #dropOldest(): void {
    const asked = [...this.#chats.values()].filter((chat) => !isEmpty(chat));
    const old = asked.toSorted((a, b) => b.changed - a.changed).slice(MOST_CHATS);
    for (const { id } of old) this.remove(id);
  }
}

/** A chat as it is kept and exported. */
export function snapshot({ id, title, created, changed, conversation }: Chat): SavedChat {
  const { pinned, excluded } = conversation.wishes;
  return { id, title, created, changed, turns: [...conversation.turns], pinned: [...pinned], excluded: [...excluded] };
}

/** A chat as a page shows it. */
export function chatView(chat: Chat): ChatView {
  const { id, turns, pinned, excluded } = snapshot(chat);
  return { id, title: titleOf(chat), turns, pinned, excluded };
}

/** The name that the user gave, else the beginning of the first question; "" for a chat without one. */
export function titleOf({ title, conversation }: Chat): string {
  const asked = conversation.turns[0]?.question.trim().split("\n")[0] ?? "";
  return title || (asked.length > MAX_TITLE_LENGTH ? `${asked.slice(0, MAX_TITLE_LENGTH - 1)}…` : asked);
}

function isEmpty({ conversation }: Chat): boolean {
  return conversation.turns.length === 0;
}

function summary(chat: Chat, query: string): ChatSummary | undefined {
  const { id, changed, conversation } = chat;
  const title = titleOf(chat);
  const found = { id, title, changed, turns: conversation.turns.length };
  if (excerptOf(title, query) !== undefined) return { ...found, excerpt: undefined };
  for (const { question, answer } of conversation.turns) {
    const excerpt = excerptOf(question, query) ?? excerptOf(answer, query);
    if (excerpt !== undefined) return { ...found, excerpt };
  }
  return undefined;
}
