/** A chat as a file has it. What is read back is checked like any file: someone else may have written it. */
import * as v from "valibot";
import { MentionSchema } from "../../webview/protocol/messages.ts";
import { ERROR_ACTIONS, MAX_TITLE_LENGTH, REASONS, type Turn } from "../../webview/protocol/turn.ts";

/** Raised when older files can no longer be read; what has another number is left alone. */
const VERSION = 1;

/** Characters of a question or an answer: more than any model writes. */
const MOST_TEXT = 1024 * 1024;

const Text = v.pipe(v.string(), v.maxLength(MOST_TEXT));
const Path = v.pipe(v.string(), v.minLength(1), v.maxLength(32_767));
const Line = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const Count = v.pipe(v.number(), v.finite(), v.minValue(0));
const list = <const T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.maxLength(1000));
const orNone = <const T extends v.GenericSchema>(item: T) => v.optional(item);

const place = { path: Path, startLine: Line, endLine: Line };
const Citation = v.object({ ...place, share: v.pipe(v.number(), v.minValue(0), v.maxValue(1)) });

const Meta = v.object({
  promptTokens: Count,
  memoryTokens: Count,
  generatedTokens: Count,
  lookupMs: Count,
  firstTokenMs: Count,
  totalMs: Count,
  finish: v.picklist(["stop", "length", "cancelled"]),
});

const SavedTurn = v.object({
  id: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  question: Text,
  selection: orNone(v.object(place)),
  mentions: list(MentionSchema),
  answer: Text,
  state: v.picklist(["waiting", "looking", "reading", "writing", "done", "failed"]),
  found: orNone(v.object({ blocks: Count, files: Count, tokens: Count, readSoFar: orNone(Count) })),
  window: list(v.object({ ...place, score: v.pipe(v.number(), v.finite()), why: v.picklist(REASONS) })),
  citations: list(Citation),
  sentences: list(v.object({ start: Count, end: Count, blocks: list(Citation) })),
  links: list(v.object({ ...place, text: v.pipe(v.string(), v.minLength(1), v.maxLength(1000)) })),
  meta: orNone(Meta),
  error: orNone(v.object({ message: Text, meaning: Text, remedy: Text, action: orNone(v.picklist(ERROR_ACTIONS)) })),
}) satisfies v.GenericSchema<unknown, Turn>;

const SavedChatSchema = v.object({
  version: v.literal(VERSION),
  id: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  title: v.pipe(v.string(), v.maxLength(MAX_TITLE_LENGTH)),
  /** Milliseconds since 1970. */
  created: Count,
  changed: Count,
  turns: list(SavedTurn),
  pinned: list(Path),
  excluded: list(Path),
});

/** A chat, whole. */
export type SavedChat = Omit<v.InferOutput<typeof SavedChatSchema>, "version">;

/** The file's text as a chat; undefined when it is none, or one of another version. */
export function readSavedChat(text: string): SavedChat | undefined {
  const result = v.safeParse(SavedChatSchema, parsed(text));
  if (!result.success) return undefined;
  const { version: _version, ...chat } = result.output;
  return chat;
}

/** The text of a chat's file. */
export function writeSavedChat(chat: SavedChat): string {
  return JSON.stringify({ version: VERSION, ...chat });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
