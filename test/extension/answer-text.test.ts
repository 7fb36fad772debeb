import MarkdownIt from "markdown-it";
import { describe, expect, test } from "vitest";
import { type AnswerPart, AnswerText } from "../../extension/sharing/answer-text.ts";
import { randomChoice, randomInteger, seededRandom } from "../support/random.ts";

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

/** Pieces that a hostile answer is made of, with a blank between each two; `N` is a line's end. */
const MARKDOWN =
  "``` ``` ~~~ ` ` `` ```` \\ \\` `x` ![x](u) ![x](u) ![ [a](b) [a]: N N NN \r \rN S SS SSS SSSS \t -S 1.S 2.S 10.S >S #S ---N " +
  "a text <div> <!-- --> <b> <http://a > | |a|b|N|---|---|N ~~ ** * ( $";
const PIECES = MARKDOWN.split(" ").map((piece) => piece.replaceAll("N", "\n").replaceAll("S", " "));

/** The images that a renderer sees; with HTML, which may hide a fence, and without. */
function imagesIn(text: string): number {
  const counts = [true, false].map((html) => {
    const tokens = new MarkdownIt({ html }).parse(text, {}).flatMap(({ children }) => children ?? []);
    return tokens.filter(({ type }) => type === "image").length;
  });
  return Math.max(...counts);
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
    const code = "Text\n```rust\nlet a = vec![1]; // `src/a.ts`\n```\n- item\n  ~~~\n  ![x](y) `b.ts`\n\n  ~~~\n";
    expect(partsOf([code])).toEqual([{ kind: "markdown", text: code }]);
    expect(paths(`${code}and \`c.ts\``)).toEqual([["c.ts", undefined]]);
  });

  test("makes no image", () => {
    expect(written(partsOf(["wow! `![code](x)`, end!\n\n![pixel](https://example.com/p.png)"]))).toBe(
      "wow! `![code](x)`, end!\n\n\\![pixel](https://example.com/p.png)",
    );
  });

  test.each([
    ["behind backticks that open nothing, since others follow in their line", "```a``` text\n", ""],
    ["in the line of such backticks", "```a``` ", ""],
    ["behind a fence in a list that has ended", "- a\n  ```\n", ""],
    ["behind a quotation with a fence that has ended", "> ```\n", ""],
    ["behind an indented line that looks like a fence", "text\n    ```\n\n", ""],
    ["behind a comment that hides a fence", "<!--\n```\n-->\n", ""],
    ["between backticks of which one is no backtick", "\\`", "`"],
    ["between backticks that do not fit", "`", "``"],
    ["between backticks, the first of which ends other code", "a `b\n`", "`"],
    ["between backticks in two cells of a table", "| a | b |\n|---|---|\n| `c | ", "` |"],
    ["behind a backslash of its own", "\\\\", ""],
    ["behind a table whose head looks like a fence", "```|a\n|---|---|\n", ""],
    ["behind an old Mac's line end", "```\na\r```\r", "\n"],
  ])("makes no image %s", (_, before, after) => {
    const text = `${before}![x](https://example.com/p.png)${after}`;
    expect(imagesIn(text)).toBe(1);
    expect(imagesIn(written(partsOf([text])))).toBe(0);
    expect(imagesIn(written(partsOf(text.split(""))))).toBe(0);
  });

  test("makes no image of any text, however it is cut", () => {
    const random = seededRandom(3);
    let images = 0;
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 2 + randomInteger(random, 14) }, () => randomChoice(random, PIECES)).join("");
      const at = randomInteger(random, text.length);
      const cut = written(partsOf([text.slice(0, at), text.slice(at)]));
      if (imagesIn(cut) > 0) expect.fail(JSON.stringify(text));
      expect(cut).toBe(written(partsOf([text])));
      images += imagesIn(text);
    }
    expect(images).toBeGreaterThan(1000);
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
