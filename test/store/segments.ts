import type { NewSegment } from "../../engine/store/segment-table.ts";
import type { FileCommit } from "../../engine/store/store.ts";

/** A segment whose blocks hold the given texts, one line each; its data say what they are of. */
export function segmentOf(key: string, texts: readonly string[], header = "header"): NewSegment {
  return {
    key,
    header: { key: header, tokens: 2, codec: "int8", kv: Buffer.from(`kv of ${header}`) },
    blocks: texts.map((text, line) => ({
      text,
      tokens: text.length,
      startLine: line,
      endLine: line,
      codec: "int8",
      kv: Buffer.from(`kv of ${text}`),
      index: Buffer.from(`index of ${text}`),
      indexVersion: "1",
    })),
  };
}

/** A file that consists of segments, each `lines` lines long. */
export function fileOf(path: string, keys: readonly string[], lines = 10): FileCommit {
  return {
    file: { path, contentHash: keys.join(), size: keys.length, mtimeNs: 1_700_000_000_123_456_789n },
    segments: keys.map((key, i) => ({ key, startLine: 1 + i * lines })),
    words: (text) => text.split(" "),
  };
}
