/** What survives while the panel is hidden: its page is thrown away then. */
import * as v from "valibot";
import { MentionSchema } from "./protocol/messages.ts";
import { MOST_MENTIONS } from "./protocol/turn.ts";

/** What an earlier version of the page kept may lack some of it. */
const SavedStateSchema = v.object({
  /** The question that is being written. */
  draft: v.fallback(v.string(), ""),
  /** What it is about. */
  mentions: v.fallback(v.pipe(v.array(MentionSchema), v.maxLength(MOST_MENTIONS)), []),
  /** The chat that is shown; "" before the extension named one. */
  chat: v.fallback(v.string(), ""),
});

/** What the page keeps. */
export type SavedState = v.InferOutput<typeof SavedStateSchema>;

/** What VS Code gave back, whatever that is. */
export function readSavedState(state: unknown): SavedState {
  return v.parse(v.fallback(SavedStateSchema, { draft: "", mentions: [], chat: "" }), state);
}
