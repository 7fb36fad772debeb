import { expect, test } from "vitest";

import { headerKey, segmentKey } from "../../engine/blocks/content-key.ts";

function segment(...blocks: number[][]): Parameters<typeof segmentKey>[2] {
  return {
    blocks: blocks.map((tokens) => ({ text: "", tokens: Int32Array.from(tokens), startLine: 1, endLine: 1 })),
  };
}

test("a key depends on the encoder, the header, the tokens and where blocks end, and on nothing else", () => {
  const header = Int32Array.of(1, 2);
  const keys = [
    segmentKey("a", header, segment([3, 4])),
    segmentKey("b", header, segment([3, 4])),
    segmentKey("a", Int32Array.of(1), segment([3, 4])),
    segmentKey("a", Int32Array.of(1, 2, 3), segment([4])),
    segmentKey("a", header, segment([3], [4])),
    segmentKey("a", header, segment([3, 4], [])),
    segmentKey("a", header, segment([4, 3])),
    headerKey("a", header),
    headerKey("b", header),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  const moved = segment([3, 4]);
  for (const block of moved.blocks) block.startLine = block.endLine = 9;
  expect(segmentKey("a", header, moved)).toBe(keys[0]);
});
