/** A GPU that failed: its graphs cannot be loaded, or a run of one ended in an error. Whatever was on it is gone. */
export class DeviceLost extends Error {
  override readonly name = "DeviceLost";

  constructor(message: string, cause?: unknown) {
    const detail = cause instanceof Error ? firstLine(cause.message) : "";
    super(detail === "" ? message : `${message}: ${detail}`, { cause });
  }
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, 200);
}
