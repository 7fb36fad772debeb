/** What went wrong, as a word that programs can branch on. Stable: clients compare these. */
export type ErrorCode =
  | "usage" // the call's arguments are wrong
  | "folder-not-found"
  | "model-not-found" // no model file, and none could be had
  | "model-invalid" // the file is damaged, lies about itself or is of an unknown kind
  | "model-unsupported" // the file is sound, but this architecture or type is not supported
  | "download-failed"
  | "store-failed" // the database cannot be opened or written
  | "disk-full"
  | "out-of-memory"
  | "cancelled"
  | "engine-died"
  | "internal";

/**
 * An error that a user may see. `message` says what happened, `meaning` what that means for the user and
 * `remedy` what to do about it, each as one or two sentences.
 */
export class RepoMemoryError extends Error {
  override readonly name = "RepoMemoryError";
  readonly code: ErrorCode;
  readonly meaning: string;
  readonly remedy: string;

  constructor(code: ErrorCode, text: { message: string; meaning?: string; remedy?: string; cause?: unknown }) {
    super(text.message, text.cause === undefined ? undefined : { cause: text.cause });
    this.code = code;
    this.meaning = text.meaning ?? "";
    this.remedy = text.remedy ?? "";
  }

  /** The form that crosses a process boundary; `fromPlain` brings it back. */
  toPlain(): PlainError {
    return { code: this.code, message: this.message, meaning: this.meaning, remedy: this.remedy };
  }

  static fromPlain(plain: PlainError, cause?: unknown): RepoMemoryError {
    return new RepoMemoryError(plain.code, { ...plain, cause });
  }

  /** Any thrown value as an error that a user can be shown. */
  static from(thrown: unknown): RepoMemoryError {
    if (thrown instanceof RepoMemoryError) return thrown;
    if (thrown instanceof Error && thrown.name === "AbortError") {
      return new RepoMemoryError("cancelled", { message: "Cancelled.", cause: thrown });
    }
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new RepoMemoryError("internal", {
      message,
      meaning: "This is a fault in Repo Memory.",
      remedy: "Please report it with the log.",
      cause: thrown,
    });
  }
}

/** A `RepoMemoryError` as plain data. */
export interface PlainError {
  code: ErrorCode;
  message: string;
  meaning: string;
  remedy: string;
}
