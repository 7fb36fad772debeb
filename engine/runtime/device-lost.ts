/** A GPU that failed: its graphs cannot be loaded, or a run of one ended in an error. Whatever was on it is gone. */
export class DeviceLost extends Error {
  override readonly name = "DeviceLost";

  constructor(message: string, cause?: unknown) {
    const detail = cause instanceof Error ? firstLine(cause.message) : "";
    super(detail === "" ? message : `${message}: ${detail}`, { cause });
  }
}

/** What a GPU has no room for; with the rest of its work it goes on. */
export class DeviceFull extends Error {
  override readonly name = "DeviceFull";
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, 200);
}
