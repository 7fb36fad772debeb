import { expect, test } from "vitest";
import { lastTokens } from "./plain-attention.ts";

/** A token a character; headers have three. */
const encoder = {
  header: (path: string) => Int32Array.from(`<${path}>`, (each) => each.charCodeAt(0)),
  tokenize: (text: string) => Int32Array.from(text, (each) => each.charCodeAt(0)),
};

function kept(room: number): string {
  const texts = new Map([
    ["b", "second"],
    ["a", "first"],
    ["c", "third"],
  ]);
  return String.fromCharCode(...lastTokens(texts, room, encoder));
}

test("all files stand in the order of their paths where they fit", () => {
  expect(kept(25)).toBe("<a>first<b>second<c>third");
  expect(kept(1000)).toBe(kept(25));
});

test("what does not fit goes from the beginning, and what is left of a file stands behind its header", () => {
  expect(kept(24)).toBe("<a>irst<b>second<c>third");
  expect(kept(14)).toBe("<b>ond<c>third");
  expect(kept(12)).toBe("<b>d<c>third");
});

test("a header without text is left out, and nothing is longer than the room", () => {
  expect(kept(11)).toBe("<c>third");
  expect(kept(4)).toBe("<c>d");
  expect(kept(3)).toBe("");
  expect(kept(0)).toBe("");
});
