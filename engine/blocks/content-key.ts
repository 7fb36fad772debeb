import { createHash } from "node:crypto";

import type { Segment } from "./block.ts";

/**
 * Names what the model computes for a segment: sha256 (hex) of the encoder's key, the header's tokens and each block's
 * tokens. Equal keys, equal keys and values; so nothing that is unchanged is encoded twice.
 */
export function segmentKey(encoderKey: string, header: Int32Array, segment: Segment): string {
  const hash = createHash("sha256").update(`segment\n${encoderKey}\n`);
  for (const tokens of [header, ...segment.blocks.map((block) => block.tokens)]) {
    // The length first, so that no two lists of tokens read as the same bytes.
    hash.update(Int32Array.of(tokens.length)).update(tokens);
  }
  return hash.digest("hex");
}

/** Names a header's keys and values, likewise. */
export function headerKey(encoderKey: string, header: Int32Array): string {
  return createHash("sha256").update(`header\n${encoderKey}\n`).update(header).digest("hex");
}
