/** Everything that the panel and the extension say to each other, with `turn.ts` the only files that both import. */
import * as v from "valibot";
import {
  type ChatSummary,
  type ErrorCard,
  MAX_QUESTION_LENGTH,
  MAX_TITLE_LENGTH,
  type Mention,
  MOST_MENTIONS,
  type Turn,
  type Wishes,
} from "./turn.ts";

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
  /** Tokens that the whole folder has, as far as is known; `tokens` of them are in memory. */
  allTokens?: number | undefined;
  /** Bytes of the store on disk. */
  bytes: number;
  /** Bytes that the stores of all folders take, and those that they may take. */
  disk?: { used: number; budget: number } | undefined;
  /** The model's name, once one is loaded. */
  model: string | undefined;
  /** What the model runs on, and why: a word of the engine's. */
  device?: string | undefined;
  deviceReason?: string | undefined;
  /** Tokens that a GPU with little memory has room for. */
  deviceTokens?: number | undefined;
  meter: Meter | undefined;
  error: ErrorCard | undefined;
}

/** The chat that a page shows. */
export interface ChatView extends Wishes {
  id: string;
  title: string;
  turns: Turn[];
}

/** A colour of the theme for code: `scopes` as TextMate names them; none for what no other rule is about. */
export interface SyntaxRule {
  scopes: string[];
  color: string;
}

/** The extension to the panel. */
export type HostMessage =
  | { type: "chat"; chat: ChatView }
  | { type: "chats"; query: string; chats: ChatSummary[] }
  | ({ type: "wishes" } & Wishes)
  | { type: "turns"; turns: Turn[] }
  | { type: "turn"; turn: Turn }
  | { type: "token"; id: number; text: string }
  | { type: "engine"; engine: EngineView }
  | { type: "memory"; memory: MemoryView }
  /** What `@` and some letters can mean; answers the `complete` with the same number. */
  | { type: "completions"; request: number; mentions: Mention[] }
  /** Something to ask about, which was dropped or chosen outside of the panel. */
  | { type: "mention"; mentions: Mention[] }
  /** The theme's colours for code; none where they are not known. */
  | { type: "syntax"; rules: SyntaxRule[] }
  | { type: "focus" }
  | { type: "showChats" };

const Line = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31));
const Path = v.pipe(v.string(), v.minLength(1), v.maxLength(32_767));
const Question = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(MAX_QUESTION_LENGTH));
const Code = v.pipe(v.string(), v.maxLength(1024 * 1024));
const TurnId = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const ChatId = v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/));
const place = { path: Path, startLine: Line, endLine: Line };

const just = <const T extends string>(type: T) => v.strictObject({ type: v.literal(type) });
const ofChat = <const T extends string>(type: T) => v.strictObject({ type: v.literal(type), id: ChatId });
const withCode = <const T extends string>(type: T) => v.strictObject({ type: v.literal(type), text: Code });

/** What a question is about, as the panel or a file on disk names it. */
export const MentionSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("file"), path: Path }),
  v.strictObject({ kind: v.literal("folder"), path: Path }),
  v.strictObject({ kind: v.literal("symbol"), name: v.pipe(v.string(), v.maxLength(1000)), ...place }),
  v.strictObject({ kind: v.literal("selection"), ...place }),
  v.strictObject({ kind: v.literal("editors") }),
  v.strictObject({ kind: v.literal("problems") }),
  v.strictObject({ kind: v.literal("changes") }),
]);

/** The panel to the extension. It shows what a model wrote, so what it says is checked like a stranger's word. */
const ViewMessageSchema = v.variant("type", [
  v.strictObject({ type: v.literal("ready"), chat: v.optional(ChatId) }),
  v.strictObject({
    type: v.literal("ask"),
    question: Question,
    mentions: v.pipe(v.array(MentionSchema), v.maxLength(MOST_MENTIONS)),
  }),
  just("stop"),
  v.strictObject({ type: v.literal("retry"), id: TurnId }),
  v.strictObject({ type: v.literal("resend"), id: TurnId, question: Question }),
  just("newChat"),
  ofChat("openChat"),
  ofChat("deleteChat"),
  ofChat("exportChat"),
  v.strictObject({
    type: v.literal("renameChat"),
    id: ChatId,
    title: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(MAX_TITLE_LENGTH)),
  }),
  v.strictObject({ type: v.literal("searchChats"), query: v.pipe(v.string(), v.maxLength(200)) }),
  v.strictObject({
    type: v.literal("complete"),
    request: v.pipe(v.number(), v.safeInteger()),
    query: v.pipe(v.string(), v.maxLength(200)),
  }),
  v.strictObject({
    type: v.literal("drop"),
    uris: v.pipe(v.array(v.pipe(v.string(), v.maxLength(32_767))), v.maxLength(MOST_MENTIONS)),
  }),
  v.strictObject({ type: v.literal("wish"), path: Path, wish: v.picklist(["pinned", "excluded", "none"]) }),
  v.strictObject({ type: v.literal("open"), ...place }),
  v.strictObject({ type: v.literal("link"), url: v.pipe(v.string(), v.maxLength(2048), v.regex(/^https?:\/\//i)) }),
  withCode("copy"),
  withCode("insert"),
  withCode("apply"),
  just("pause"),
  just("resume"),
  just("read"),
  just("download"),
  just("restart"),
  just("showLog"),
  just("trust"),
  just("openFolder"),
  just("chooseFolder"),
  just("chooseModel"),
]);

/** What the panel asks of the extension. */
export type ViewMessage = v.InferOutput<typeof ViewMessageSchema>;

/** The message that a panel sent, or undefined when it is none of these. */
export function readViewMessage(message: unknown): ViewMessage | undefined {
  const result = v.safeParse(ViewMessageSchema, message);
  return result.success ? result.output : undefined;
}
