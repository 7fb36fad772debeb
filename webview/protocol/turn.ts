/** What a chat is made of, in the panel's terms. */

/** Longest question that the panel takes, in UTF-16 units. */
export const MAX_QUESTION_LENGTH = 32_768;

/** Things that one question can be about. */
export const MOST_MENTIONS = 20;

/** Longest title of a chat, in UTF-16 units. */
export const MAX_TITLE_LENGTH = 100;

/** Lines of a file of the workspace: relative path with `/`, 1-based, inclusive. */
export interface Place {
  path: string;
  startLine: number;
  endLine: number;
}

/** Lines that an answer, or a sentence of it, was taken from. */
export interface Citation extends Place {
  /** Share of the attention that was paid to the memory, 0 to 1. */
  share: number;
}

/** Why a block is in the window; the engine's words. */
export const REASONS = ["words", "states", "definition", "file-name", "neighbour", "pinned", "asked", "all"] as const;

/** A block that the model attends to. */
export interface WindowBlock extends Place {
  /** Larger is better; comparable within one window only. */
  score: number;
  why: (typeof REASONS)[number];
}

/** Where a sentence comes from. `start` and `end` are UTF-16 offsets in the answer, `end` exclusive. */
export interface Sentence {
  start: number;
  end: number;
  /** Best first. */
  blocks: Citation[];
}

/** A word of the answer that names something which is there. */
export interface AnswerLink extends Place {
  text: string;
}

/** What a question is about: named with `@`, or dropped on the panel. */
export type Mention =
  | { kind: "file"; path: string }
  | { kind: "folder"; path: string }
  | ({ kind: "symbol"; name: string } & Place)
  | ({ kind: "selection" } & Place)
  | { kind: "editors" }
  | { kind: "problems" }
  | { kind: "changes" };

/** An error as the panel shows it: what happened, what it means, what to do. */
export interface ErrorCard {
  message: string;
  meaning: string;
  remedy: string;
  /** What the card's button does; none when there is nothing to press. */
  action?: ErrorAction | undefined;
}

/** The errors' buttons, each answered by the message of the same name. */
export const ERROR_ACTIONS = ["download", "restart", "read", "showLog", "trust", "openFolder"] as const;
export type ErrorAction = (typeof ERROR_ACTIONS)[number];

/** What an answer took. */
export interface AnswerMeta {
  promptTokens: number;
  memoryTokens: number;
  generatedTokens: number;
  lookupMs: number;
  firstTokenMs: number;
  totalMs: number;
  finish: "stop" | "length" | "cancelled";
}

/** What a look in the memory brought. */
export interface Found {
  blocks: number;
  files: number;
  tokens: number;
  /** The share of the folder that is in memory, below 1; undefined when all of it is. */
  readSoFar?: number | undefined;
}

/** A question with its answer, as far as there is one. */
export interface Turn {
  id: number;
  question: string;
  /** The lines that the question is about, when some were selected. */
  selection?: Place | undefined;
  mentions: Mention[];
  answer: string;
  /** `looking`: memory is searched; `reading`: blocks were found, no token yet. */
  state: "waiting" | "looking" | "reading" | "writing" | "done" | "failed";
  /** How many blocks and tokens of the memory the answer is written from. */
  found?: Found | undefined;
  /** The blocks in the window, best first. */
  window: WindowBlock[];
  citations: Citation[];
  sentences: Sentence[];
  links: AnswerLink[];
  meta?: AnswerMeta | undefined;
  error?: ErrorCard | undefined;
}

/** A chat in the list of all. */
export interface ChatSummary {
  id: string;
  title: string;
  /** Milliseconds since 1970. */
  changed: number;
  /** Number of questions. */
  turns: number;
  /** The words around what was searched for; undefined when that is in the title. */
  excerpt: string | undefined;
}

/** Files of a chat that stay in the window, and files that stay out of it. */
export interface Wishes {
  pinned: string[];
  excluded: string[];
}
