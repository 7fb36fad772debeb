import { expect, test } from "vitest";

import { decodeText, skipByName } from "../../engine/ingest/text-files.ts";

test.each([
  ["a.ts", "plain ascii\n"],
  ["a.txt", "größe 名前 🙂"],
  ["empty", ""],
  ["long.md", "a paragraph ".repeat(2_000)],
  ["data.json", JSON.stringify({ small: "x".repeat(4_000) })],
  ["a.js", "short line\n".repeat(2_000)],
])("%s is text", (path, text) => {
  expect(decodeText(path, Buffer.from(text))).toEqual({ text });
});

test("a byte order mark is left out, UTF-16 is read, and text in an old encoding too", () => {
  expect(decodeText("a", Buffer.from("\uFEFFabc"))).toEqual({ text: "abc" });
  expect(decodeText("a", Buffer.from("\uFEFFabc", "utf16le"))).toEqual({ text: "abc" });
  expect(decodeText("a", Buffer.from("\uFEFFabc", "utf16le").swap16())).toEqual({ text: "abc" });
  expect(decodeText("a", Buffer.from("// une entrée déjà présente dans la liste", "latin1"))).toEqual({
    text: "// une entr\uFFFDe d\uFFFDj\uFFFD pr\uFFFDsente dans la liste",
  });
});

test.each([
  ["a NUL byte", Buffer.from("abc\0def")],
  ["a NUL byte far on", Buffer.concat([Buffer.alloc(20_000, 65), Buffer.of(0), Buffer.alloc(10, 65)])],
  ["bytes that are not UTF-8", Buffer.from(Array.from({ length: 1_000 }, (_, i) => 0x80 + ((i * 37) % 128)))],
  ["half of a UTF-16 file", Buffer.from([0xff, 0xfe, 0, 0, 65, 0])],
])("%s: binary", (_, bytes) => {
  expect(decodeText("a", bytes)).toEqual({ reason: "binary" });
});

test("long lines make code minified, prose not", () => {
  const line = Buffer.from("a=b;".repeat(5_000));
  expect(decodeText("a.js", line)).toEqual({ reason: "minified" });
  expect(decodeText("a.css", line)).toEqual({ reason: "minified" });
  expect(decodeText("a.txt", line)).toHaveProperty("text");
});

test.each([
  ["yarn.lock", "lock file"],
  ["sub/Cargo.lock", "lock file"],
  ["jquery.min.js", "minified"],
  ["app.js.map", "minified"],
  ["a/B.PNG", "binary"],
  ["x.gguf", "binary"],
  ["locks.ts", undefined],
  ["map.ts", undefined],
  ["png", undefined],
])("%s: %s", (path, reason) => {
  expect(skipByName(path)).toBe(reason);
});
