import { expect, test } from "vitest";
import { lineShares, type TokenTexts } from "../../engine/answer/line-shares.ts";

function slots(id: number, startLine: number, endLine: number, from: number, to: number) {
  return { block: { id, path: "a.ts", startLine, endLine, tokens: to - from, header: 1, segment: 1 }, from, to };
}

/** Tokens are given as texts: a token's id is its place in `pieces`. */
function texts(blocks: Record<number, string[]>): TokenTexts {
  const pieces = [...new Set(Object.values(blocks).flat())];
  return {
    idsOf: ({ id }) => blocks[id] && Int32Array.from(blocks[id], (piece) => pieces.indexOf(piece)),
    bytesOf: (id) => Buffer.from(pieces[id] ?? ""),
  };
}

function lines(found: ReturnType<typeof lineShares>): [number, number][] {
  return found.map(({ startLine, endLine, score }) => {
    expect(endLine).toBe(startLine);
    return [startLine, Math.round(score * 1000) / 1000];
  });
}

test("tokens count for the line that they begin on, best line first", () => {
  const known = texts({ 1: ["one", "\n", "two ", "more", "\n\n", "four"] });
  const shares = Float64Array.from([9, 1, 0, 1, 3, 0, 5]);
  expect(lines(lineShares([slots(1, 11, 14, 1, 7)], shares, known))).toEqual([
    [14, 0.5],
    [12, 0.4],
    [11, 0.1],
  ]);
});

test("CRLF is one end of a line, CR alone is one too, wherever tokens are cut", () => {
  const known = texts({ 1: ["a\r", "\nb\r", "c\r\n", "d"] });
  const shares = Float64Array.from([1, 0, 0, 3]);
  expect(lines(lineShares([slots(1, 1, 4, 0, 4)], shares, known))).toEqual([
    [4, 0.75],
    [1, 0.25],
  ]);
});

test("a block whose text is gone or cut otherwise now has no lines, and the others' shares are of all", () => {
  const known = texts({ 1: ["a"], 2: ["b", "c"] });
  const all = [slots(1, 1, 1, 0, 1), slots(2, 5, 5, 1, 2), slots(3, 9, 9, 2, 3)];
  expect(lines(lineShares(all, Float64Array.from([1, 1, 2]), known))).toEqual([[1, 0.25]]);
});
