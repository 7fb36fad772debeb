import { expect, test } from "vitest";
import { askedBlocks } from "../../engine/answer/asked-blocks.ts";
import { MOST_BLOCKS } from "../../engine/retrieval/select-blocks.ts";

let id = 0;

function block(path: string, startLine: number, endLine: number, tokens = 100) {
  return { id: ++id, path, startLine, endLine, tokens, header: path.length, segment: 1 };
}

const header = () => 10;

function range(path: string, startLine: number, endLine = startLine) {
  return { path, startLine, endLine };
}

test("blocks that share a line with a range are taken, each range's first before any's second", () => {
  const long = [block("a.ts", 1, 10), block("a.ts", 11, 20), block("a.ts", 21, 30)];
  const other = block("bb.ts", 4, 9);
  const taken = askedBlocks(
    [...long, other, block("bb.ts", 10, 12)],
    [range("a.ts", 10, 21), range("bb.ts", 9)],
    header,
  );
  expect(taken).toEqual([long[0], other, long[1], long[2]]);
});

test("what is asked for twice is taken once, and what is not in memory leads to nothing", () => {
  const only = block("a.ts", 1, 10);
  expect(
    askedBlocks([only], [range("a.ts", 2), range("a.ts", 3), range("gone.ts", 1), range("a.ts", 11)], header),
  ).toEqual([only]);
});

test("a range of a whole file takes no more than its budget and half of a window", () => {
  const large = Array.from({ length: 40 }, (_, i) => block("a.ts", i * 10 + 1, i * 10 + 10));
  expect(askedBlocks(large, [range("a.ts", 1, 400)], header)).toHaveLength(10);
  const small = large.map((each) => ({ ...each, tokens: 1 }));
  expect(askedBlocks(small, [range("a.ts", 1, 400)], header)).toHaveLength(MOST_BLOCKS / 2);
});
