import { describe, expect, test } from "vitest";
import { type AnswerPart, AnswerText } from "../../extension/sharing/answer-text.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

/** All parts of a text that comes in pieces, neighbouring Markdown joined. */
function partsOf(pieces: readonly string[]): AnswerPart[] {
  const answer = new AnswerText();
  const parts = [...pieces.flatMap((piece) => answer.push(piece)), ...answer.end()];
  const joined: AnswerPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.kind === "markdown" && last?.kind === "markdown") last.text += part.text;
    else joined.push({ ...part });
  }
  return joined;
}

function paths(text: string): (string | number | undefined)[][] {
  return partsOf([text]).flatMap((part) => (part.kind === "path" ? [[part.path, part.line]] : []));
}

function written(parts: readonly AnswerPart[]): string {
  return parts.map((part) => (part.kind === "path" ? part.written : part.text)).join("");
}

describe("an answer's text", () => {
  test("names paths, with their lines", () => {
    expect(paths("See `src/a.ts`, `b.py:12` and `docs/c d.md`, or `lib/x.rs:3-9`.")).toEqual([
      ["src/a.ts", undefined],
      ["b.py", 12],
      ["lib/x.rs", 3],
    ]);
  });

  test("takes no name, number, command or address for a path", () => {
    expect(paths("`startServer` `404` `npm start` `a => b` `https://x.y/z` `../up.ts` `/etc/passwd` ``a.ts``")).toEqual(
      [],
    );
  });

  test("leaves code blocks as they are", () => {
    const code = "Text\n```rust\nlet a = vec![1]; // `src/a.ts`\n```\n  - item\n    ~~~\n    ![x](y) `b.ts`\n    ~~~\n";
    expect(partsOf([code])).toEqual([{ kind: "markdown", text: code }]);
    expect(paths(`${code}and \`c.ts\``)).toEqual([["c.ts", undefined]]);
  });

  test("makes no image", () => {
    expect(written(partsOf(["![pixel](https://example.com/p.png) wow! `![code](x)` end!"]))).toBe(
      "\\![pixel](https://example.com/p.png) wow! `![code](x)` end!",
    );
  });

  test("says the same however it is cut", () => {
    const text =
      "A `src/a.ts:3` b ![i](u)!\n```ts\nvec![`x`]\n```\n`open and `b/c.py` ``two`` `" + "y".repeat(400) + "` `z.ts`";
    const whole = partsOf([text]);
    const random = seededRandom(7);
    for (let round = 0; round < 200; round++) {
      const pieces: string[] = [];
      for (let at = 0; at < text.length;) {
        const length = 1 + randomInteger(random, 5);
        pieces.push(text.slice(at, at + length));
        at += length;
      }
      expect(written(partsOf(pieces))).toBe(written(whole));
      expect(partsOf(pieces).filter(({ kind }) => kind === "path")).toEqual(
        whole.filter(({ kind }) => kind === "path"),
      );
    }
  });

  test("holds back no more than it must", () => {
    const answer = new AnswerText();
    expect(answer.push("plain ")).toEqual([{ kind: "markdown", text: "plain " }]);
    expect(answer.push("`src/")).toEqual([]);
    expect(answer.push("a.ts` on")).toEqual([
      { kind: "path", path: "src/a.ts", line: undefined, written: "`src/a.ts`" },
      { kind: "markdown", text: " on" },
    ]);
  });
});
