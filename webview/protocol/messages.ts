/** Everything that the panel and the extension say to each other. The one file that both import. */
import * as v from "valibot";

/** Lines of a file of the workspace: relative path with `/`, 1-based, inclusive. */
export interface Citation {
  path: string;
  startLine: number;
  endLine: number;
  /** Share of the attention that the answer paid to the memory, 0 to 1. */
  share: number;
}

/** An error as the panel shows it: what happened, what it means, what to do. */
export interface ErrorCard {
  message: string;
  meaning: string;
  remedy: string;
  /** What the card's button does; none when there is nothing to press. */
  action: ErrorAction | undefined;
}

/** The errors' buttons, each answered by the message of the same name. */
export type ErrorAction = "download" | "restart" | "read" | "showLog" | "trust" | "openFolder";

/** A long piece of work under way. */
export interface Meter {
  phase: "download" | "convert" | "ingest" | "train";
  done: number;
  total: number;
  unit: "bytes" | "tokens" | "steps";
  /** Units a second; 0 while not known. */
  rate: number;
  secondsLeft: number | undefined;
  detail: string | undefined;
}

/** What the engine is doing, in the panel's terms. */
export type EngineView =
  | { kind: "off" }
  | { kind: "starting" }
  | { kind: "ready" }
  | { kind: "restarting"; attempt: number }
  | { kind: "failed"; error: ErrorCard };

/** What the memory holds of the folder that questions go to. */
export interface MemoryView {
  /** The folder's name; undefined when none is open. */
  folder: string | undefined;
  /** Whether there are several folders to choose from. */
  severalFolders: boolean;
  state: "unread" | "reading" | "paused" | "ready" | "failed";
  files: number;
  tokens: number;
  /** Bytes of the store on disk. */
  bytes: number;
  /** The model's name, once one is loaded. */
  model: string | undefined;
  meter: Meter | undefined;
  error: ErrorCard | undefined;
}

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
  selection: Omit<Citation, "share"> | undefined;
  answer: string;
  /** `looking`: memory is searched; `reading`: blocks were found, no token yet. */
  state: "waiting" | "looking" | "reading" | "writing" | "done" | "failed";
  /** How many blocks and tokens of the memory the answer is written from. */
  found: Found | undefined;
  citations: Citation[];
  meta: AnswerMeta | undefined;
  error: ErrorCard | undefined;
}

/** The extension to the panel. */
export type HostMessage =
  | { type: "transcript"; turns: Turn[] }
  | { type: "turn"; turn: Turn }
  | { type: "token"; id: number; text: string }
  | { type: "engine"; engine: EngineView }
  | { type: "memory"; memory: MemoryView }
  | { type: "focus" };

/** Longest question that the panel takes, in UTF-16 units. */
export const MAX_QUESTION_LENGTH = 32_768;

const Line = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31));
const just = <const T extends string>(type: T) => v.strictObject({ type: v.literal(type) });

/** The panel to the extension. It shows what a model wrote, so what it says is checked like a stranger's word. */
const ViewMessageSchema = v.variant("type", [
  just("ready"),
  v.strictObject({
    type: v.literal("ask"),
    question: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(MAX_QUESTION_LENGTH)),
  }),
  just("stop"),
  just("newChat"),
  v.strictObject({ type: v.literal("retry"), id: v.pipe(v.number(), v.safeInteger()) }),
  v.strictObject({
    type: v.literal("open"),
    path: v.pipe(v.string(), v.minLength(1), v.maxLength(32_767)),
    startLine: Line,
    endLine: Line,
  }),
  v.strictObject({ type: v.literal("link"), url: v.pipe(v.string(), v.maxLength(2048), v.regex(/^https?:\/\//i)) }),
  v.strictObject({ type: v.literal("copy"), text: v.pipe(v.string(), v.maxLength(1024 * 1024)) }),
  just("pause"),
  just("resume"),
  just("read"),
  just("download"),
  just("restart"),
  just("showLog"),
  just("trust"),
  just("openFolder"),
  just("chooseFolder"),
]);

/** What the panel asks of the extension. */
export type ViewMessage = v.InferOutput<typeof ViewMessageSchema>;

/** The message that a panel sent, or undefined when it is none of these. */
export function readViewMessage(message: unknown): ViewMessage | undefined {
  const result = v.safeParse(ViewMessageSchema, message);
  return result.success ? result.output : undefined;
}
