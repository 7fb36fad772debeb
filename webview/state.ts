import { t } from "./l10n.ts";
import type { EngineView, HostMessage, MemoryView, SyntaxRule } from "./protocol/messages.ts";
import { type ChatSummary, type Mention, MOST_MENTIONS, type Turn, type Wishes } from "./protocol/turn.ts";

/** What the panel can show below its strip. */
export const TABS = ["chat", "memory", "chats"] as const;
export type Tab = (typeof TABS)[number];

/** Everything that the panel shows, derived from the extension's messages and what the user does in the page. */
export interface ViewState {
  chat: { id: string; title: string } | undefined;
  turns: readonly Turn[];
  wishes: Wishes;
  /** The chats that were searched for last. */
  chats: readonly ChatSummary[];
  tab: Tab;
  /** What the next question is about. */
  mentions: readonly Mention[];
  /** What the letters after an `@` can mean, by the number of the request. */
  completions: { request: number; mentions: readonly Mention[] };
  engine: EngineView;
  memory: MemoryView;
  /** The theme's colours for code. */
  syntax: readonly SyntaxRule[];
  /** Said once by a screen reader: the stream itself is not read out. */
  announcement: string;
  /** Raised by every wish to have the cursor in the question. */
  focusRequests: number;
}

/** What the user did that concerns nobody but the page. */
export type LocalMessage =
  | Extract<HostMessage, { type: "mention" }>
  | { type: "tab"; tab: Tab }
  | { type: "unmention"; mention: Mention }
  | { type: "asked" };

/** What is shown before the extension has spoken. */
export const initialState: ViewState = {
  chat: undefined,
  turns: [],
  wishes: { pinned: [], excluded: [] },
  chats: [],
  tab: "chat",
  mentions: [],
  completions: { request: 0, mentions: [] },
  engine: { kind: "off" },
  memory: {
    folder: undefined,
    severalFolders: false,
    state: "unread",
    files: 0,
    tokens: 0,
    bytes: 0,
    model: undefined,
    meter: undefined,
    error: undefined,
  },
  syntax: [],
  announcement: "",
  focusRequests: 0,
};

/** The state after a message. Turns that it does not touch stay the same objects, so that they are not drawn again. */
export function reduce(state: ViewState, message: HostMessage | LocalMessage): ViewState {
  switch (message.type) {
    case "chat": {
      const { id, title, turns, pinned, excluded } = message.chat;
      const tab = state.chat?.id === id ? state.tab : "chat";
      return { ...state, chat: { id, title }, turns, wishes: { pinned, excluded }, tab, announcement: "" };
    }
    case "chats":
      return { ...state, chats: message.chats };
    case "wishes":
      return { ...state, wishes: { pinned: message.pinned, excluded: message.excluded } };
    case "turns":
      return { ...state, turns: message.turns };
    case "turn":
      return { ...state, turns: withTurn(state.turns, message.turn), announcement: announce(state, message.turn) };
    case "token":
      return { ...state, turns: withToken(state.turns, message.id, message.text) };
    case "engine":
      return { ...state, engine: message.engine };
    case "memory":
      return { ...state, memory: message.memory };
    case "completions":
      return { ...state, completions: message };
    case "mention":
      return { ...state, mentions: withMentions(state.mentions, message.mentions), tab: "chat" };
    case "unmention":
      return { ...state, mentions: state.mentions.filter((each) => each !== message.mention) };
    case "asked":
      return { ...state, mentions: [], tab: "chat" };
    case "tab":
      return { ...state, tab: message.tab };
    case "showChats":
      return { ...state, tab: "chats" };
    case "syntax":
      return { ...state, syntax: message.rules };
    case "focus":
      return { ...state, tab: "chat", focusRequests: state.focusRequests + 1 };
    default:
      return state;
  }
}

/** The turn that is being answered; undefined when the panel waits for a question. */
export function answering(turns: readonly Turn[]): Turn | undefined {
  const last = turns.at(-1);
  return last && isOpen(last) ? last : undefined;
}

/** Whether more of a turn's answer is to come. */
export function isOpen({ state }: Turn): boolean {
  return state !== "done" && state !== "failed";
}

/** Messages as batches: a page draws at most once a frame, however fast tokens come. */
export function reduceAll(state: ViewState, messages: readonly (HostMessage | LocalMessage)[]): ViewState {
  return messages.reduce(reduce, state);
}

function withTurn(turns: readonly Turn[], turn: Turn): Turn[] {
  const known = turns.some(({ id }) => id === turn.id);
  return known ? turns.map((each) => (each.id === turn.id ? turn : each)) : [...turns, turn];
}

function withToken(turns: readonly Turn[], id: number, text: string): Turn[] {
  return turns.map((turn) => (turn.id === id ? { ...turn, state: "writing", answer: turn.answer + text } : turn));
}

function withMentions(mentions: readonly Mention[], more: readonly Mention[]): Mention[] {
  const all = new Map([...mentions, ...more].map((mention) => [JSON.stringify(mention), mention]));
  return [...all.values()].slice(0, MOST_MENTIONS);
}

function announce({ turns, announcement }: ViewState, turn: Turn): string {
  const before = turns.find(({ id }) => id === turn.id);
  if (isOpen(turn)) return "";
  if (before && !isOpen(before)) return announcement;
  if (turn.state === "failed") return t("No answer. {0}", turn.error?.message ?? "");
  if (turn.citations.length === 0) return t("Answer complete.");
  return t("Answer complete, with {0} sources.", turn.citations.length);
}
