import type { EngineView, HostMessage, MemoryView, Turn } from "./protocol/messages.ts";

/** Everything that the panel shows, derived from the extension's messages alone. */
export interface ViewState {
  turns: readonly Turn[];
  engine: EngineView;
  memory: MemoryView;
  /** Said once by a screen reader: the stream itself is not read out. */
  announcement: string;
  /** Raised by every wish to have the cursor in the question. */
  focusRequests: number;
}

/** What is shown before the extension has spoken. */
export const initialState: ViewState = {
  turns: [],
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
  announcement: "",
  focusRequests: 0,
};

/** The state after a message. Turns that it does not touch stay the same objects, so that they are not drawn again. */
export function reduce(state: ViewState, message: HostMessage): ViewState {
  switch (message.type) {
    case "transcript":
      return { ...state, turns: message.turns, announcement: "" };
    case "turn":
      return { ...state, turns: withTurn(state.turns, message.turn), announcement: announce(state, message.turn) };
    case "token":
      return { ...state, turns: withToken(state.turns, message.id, message.text) };
    case "engine":
      return { ...state, engine: message.engine };
    case "memory":
      return { ...state, memory: message.memory };
    case "focus":
      return { ...state, focusRequests: state.focusRequests + 1 };
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
export function reduceAll(state: ViewState, messages: readonly HostMessage[]): ViewState {
  return messages.reduce(reduce, state);
}

function withTurn(turns: readonly Turn[], turn: Turn): Turn[] {
  const known = turns.some(({ id }) => id === turn.id);
  return known ? turns.map((each) => (each.id === turn.id ? turn : each)) : [...turns, turn];
}

function withToken(turns: readonly Turn[], id: number, text: string): Turn[] {
  return turns.map((turn) => (turn.id === id ? { ...turn, state: "writing", answer: turn.answer + text } : turn));
}

function announce({ turns, announcement }: ViewState, turn: Turn): string {
  const before = turns.find(({ id }) => id === turn.id);
  if (isOpen(turn) || (before && !isOpen(before))) return announcement;
  if (turn.state === "failed") return `No answer. ${turn.error?.message ?? ""}`;
  return turn.citations.length === 0 ? "Answer complete." : `Answer complete, with ${turn.citations.length} sources.`;
}
