import { expect, test } from "vitest";
import { commentOpening, commentText, commentWords, undocumented } from "../../extension/actions/doc-comment.ts";

function documented(languageId: string, code: string, line: number, words: string): string | undefined {
  const lines = code.split("\n");
  const found = undocumented(languageId, lines, line);
  if (!found) return undefined;
  lines.splice(found.insertAt, 0, commentText(words, found).trimEnd());
  return lines.join("\n");
}

const words = "Opens it.";

test.each([
  [
    "typescript",
    "class A {\n  @log()\n  open() {\n  }\n}",
    2,
    "class A {\n  /** Opens it. */\n  @log()\n  open() {\n  }\n}",
  ],
  ["python", "def open(\n    a,\n):\n    return a", 0, 'def open(\n    a,\n):\n    """Opens it."""\n    return a'],
  ["rust", "#[inline]\npub fn open() {}", 1, "/// Opens it.\n#[inline]\npub fn open() {}"],
  ["go", "func Open() {}", 0, "// Opens it.\nfunc Open() {}"],
  ["csharp", "public void Open(int a) {", 0, "/// <summary>\n/// Opens it.\n/// </summary>\npublic void Open(int a) {"],
  ["ruby", "def open", 0, "# Opens it.\ndef open"],
  ["lua", "local function open()", 0, "--- Opens it.\nlocal function open()"],
])("%s", (language, code, line, expected) => {
  expect(documented(language, code, line, words)).toBe(expected);
});

test("what is documented, declares nothing or is of an unknown language is left alone", () => {
  expect(documented("typescript", "/** Opens. */\nfunction open() {}", 1, words)).toBeUndefined();
  expect(documented("typescript", "/**\n * Opens.\n */\n@log()\nfunction open() {}", 4, words)).toBeUndefined();
  expect(documented("python", "def open():\n    '''Opens.'''\n    return 1", 0, words)).toBeUndefined();
  expect(documented("python", "LIMIT = 3", 0, words)).toBeUndefined();
  expect(documented("typescript", "open();", 0, words)).toBeUndefined();
  expect(documented("typescript", "function open() {\n  const a = 1;\n}", 1, words)).toBeUndefined();
  expect(documented("brainfuck", "function open() {}", 0, words)).toBeUndefined();
});

test("long words are wrapped", () => {
  const text = documented("typescript", "function open() {}", 0, `${"word ".repeat(40)}end.`) ?? "";
  expect(text.split("\n").at(0)).toBe("/**");
  expect(text.split("\n").every((line) => line.length <= 100)).toBe(true);
  expect(text).toContain(" * word");
  expect(text).toContain(" */\nfunction open() {}");
});

const place = undocumented("typescript", ["function open() {}"], 0);

test.each([
  ["/**\n * Opens the door. It is\n * never locked. Third.\n *\n * More.\n */", "Opens the door. It is never locked."],
  ["/**\n *  Find it.\n */\nfunction find() {}", "Find it."],
  ["/** Opens `a`. */ function x", "Opens `a`."],
  ["/**\n * @param a the door\n */", undefined],
  ["/**\n * no end of a sentence", undefined],
  ["*\n*\n*\n", undefined],
])("the words of %j", (code, expected) => {
  expect(place && commentWords(code, place)).toBe(expected);
});

test("the model is made to begin with the comment", () => {
  expect(place && commentOpening(place)).toBe("/**\n *");
});
