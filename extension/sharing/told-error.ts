import { RepoMemoryError } from "../../engine/protocol/errors.ts";

/** What happened, what it means and what to do, as one text. */
export function sentences(thrown: unknown): string {
  const { message, meaning, remedy } = RepoMemoryError.from(thrown);
  return [message, meaning, remedy].filter((sentence) => sentence !== "").join(" ");
}
