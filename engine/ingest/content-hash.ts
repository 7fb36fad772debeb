import { createHash } from "node:crypto";

/** sha256 (hex) of a file's bytes: equal hashes, equal content. */
export function contentHash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
