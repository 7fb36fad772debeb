import type { SegmentEncoder, SegmentInput } from "../blocks/block.ts";
import { segmentKey } from "../blocks/content-key.ts";
import type { StoredSegment } from "../store/block-reader.ts";

/** A stored segment as the encoder takes it; undefined where its text has other tokens today than when it was cut. */
export function storedInput(encoder: SegmentEncoder, { key, path, blocks }: StoredSegment): SegmentInput | undefined {
  const cut = blocks.map(({ text }) => ({ text, tokens: encoder.tokenize(text), startLine: 1, endLine: 1 }));
  const input = { header: encoder.header(path), segment: { blocks: cut } };
  return segmentKey(encoder.key, input.header, input.segment) === key ? input : undefined;
}
