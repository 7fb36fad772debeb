import { expect, test } from "vitest";
import { blankName, firstSentence } from "./describe-questions.ts";
import { isGold } from "./eval-question.ts";
import { makeQuestions, moved, withoutLines } from "./made-questions.ts";
import { sourceFacts } from "./source-facts.ts";
import { locate } from "./written-questions.ts";

const PYTHON = `import os

RETRY_LIMIT = 12


def load_config(path, max_bytes=4096):
    """Reads settings of a service from a file of key and value pairs.

    More about it.
    """
    if not path:
        raise ConfigMissing(path)
    return os.stat(path)


class Runner:
    @property
    def start_all(self):
        settings = load_config("a")
        return settings
`;

const CPP = `namespace db {
// Returns the smallest record that is not before the given position.
// REQUIRES: the lock is held
int SeekTo(int position) {
  int at = 0;
  return at + position;
}
}
`;

const TYPESCRIPT = `/**
 * Collects values until the \`limit\` is reached, then gives them as one list.
 * @param limit how many
 */
export function chunkEvery(limit: number): string[];
export function chunkEvery(limit: number, size = Infinity): string[] {
  const list = make(limit);
  return list;
}
`;

/** What a comment of one line says first. */
function sentenceOf(text: string): string {
  return firstSentence({ text, lines: { first: 1, last: 1 } });
}

test("words of a function's name are blanked in any inflection, and identifiers that hold one", () => {
  expect(blankName("Renders a template by name with renderTemplate.", "render_template")).toBe("… a … by name with ….");
  expect(blankName("Buffers the values of the source", "bufferToggle")).toBe("… the values of the source");
  expect(blankName("Stops running, then gets them", "stop_run_get")).toBe("… …, then … them");
  expect(blankName("Where to go", "is_to")).toBe("Where to go");
});

test("a description is a comment's first sentence without its mark-up", () => {
  expect(sentenceOf('"""Uses :meth:`~a.B.run` e.g. for ``x``.  Then more."""')).toBe("Uses run e.g. for x.");
  expect(sentenceOf("// Returns the first one\n// of all.\n// REQUIRES: x")).toBe("Returns the first one of all.");
  expect(sentenceOf("/**\n * Emits {@link Foo} <b>once</b>.\n * @param a b\n */")).toBe("Emits Foo once.");
});

test("functions are found with their comments, defaults, calls and errors", async () => {
  const { functions, constants, classes } = await sourceFacts("a/config.py", PYTHON);
  expect(functions.map(({ name, owner, lines }) => ({ name, owner, lines }))).toEqual([
    { name: "load_config", owner: "", lines: { first: 6, last: 13 } },
    { name: "start_all", owner: "Runner", lines: { first: 17, last: 20 } },
  ]);
  expect(functions[0]?.comment?.lines).toEqual({ first: 7, last: 10 });
  expect(functions[0]?.defaults).toEqual([{ name: "max_bytes", value: "4096", line: 6 }]);
  expect(functions[0]?.raises).toEqual([{ name: "ConfigMissing", line: 12 }]);
  expect(functions[1]?.calls).toEqual([{ name: "load_config", line: 19 }]);
  expect(constants).toMatchObject([{ name: "RETRY_LIMIT", value: "12", line: 3 }]);
  expect(classes).toMatchObject([{ name: "Runner" }]);

  const [overload, whole] = (await sourceFacts("a.ts", TYPESCRIPT)).functions;
  expect([overload?.comment?.lines, overload?.bodyLines]).toEqual([{ first: 1, last: 4 }, 0]);
  expect([whole?.comment, whole?.defaults[0]?.value, whole?.calls[0]?.name]).toEqual([undefined, "Infinity", "make"]);
  expect((await sourceFacts("a.cc", CPP)).functions).toMatchObject([
    { name: "SeekTo", lines: { first: 4, last: 7 }, comment: { lines: { first: 2, last: 3 } } },
  ]);
});

test("questions know the answer and where it lies once the described functions have lost their comments", async () => {
  const sources = new Map([["a/config.py", PYTHON], ["a/seek.cc", CPP], ["a/chunk.ts", TYPESCRIPT]]); // prettier-ignore
  const { files, questions } = await makeQuestions(sources);
  const linesOf = (subject: string): { answers: string[]; lines: string[] } => {
    const found = questions.find(({ question }) => question.includes(subject));
    const lines = found?.golds.map(({ path, startLine }) => files.get(path)?.split("\n")[startLine - 1] ?? "") ?? [];
    return { answers: found?.answers ?? [], lines };
  };
  expect(linesOf("RETRY_LIMIT")).toEqual({ answers: ["12"], lines: ["RETRY_LIMIT = 12"] });
  expect(linesOf("max_bytes").answers).toEqual(["4096"]);
  expect(linesOf("raise")).toEqual({ answers: ["ConfigMissing"], lines: ["        raise ConfigMissing(path)"] });
  expect(linesOf("calls load_config").lines).toEqual(['        settings = load_config("a")']);
  expect(linesOf("settings of a service").lines).toEqual(["def load_config(path, max_bytes=4096):"]);
  expect(linesOf("smallest record")).toEqual({ answers: ["SeekTo"], lines: ["int SeekTo(int position) {"] });
  expect(linesOf("gives them as one list").lines).toHaveLength(2);
  const text = [...files.values()].join("\n");
  expect(text).not.toMatch(/Reads settings|smallest record|REQUIRES|gives them/);
  expect(
    questions.some(({ kind, question }) => kind === "describe" && /load_config|SeekTo|chunk/i.test(question)),
  ).toBe(false);
  expect(await makeQuestions(sources)).toEqual({ files, questions });
});

test("places move with the lines that are gone above and inside them", () => {
  const gone = [{ first: 2, last: 3 }, { first: 6, last: 6 }]; // prettier-ignore
  expect(withoutLines("1\n2\n3\n4\n5\n6\n7", gone)).toBe("1\n4\n5\n7");
  expect(moved({ path: "a", startLine: 5, endLine: 7 }, gone)).toEqual({ path: "a", startLine: 3, endLine: 4 });
  expect(moved({ path: "a", startLine: 1, endLine: 1 }, gone)).toEqual({ path: "a", startLine: 1, endLine: 1 });
});

test("an anchor leads to the definition that begins there, and fails where it is not there or not the only one", async () => {
  const files = new Map([["a.py", `${PYTHON}\n\nx = 1\nx = 1\n`]]);
  const at = (anchor: string, path = "a.py") => locate({ path, anchor }, files);
  expect(await at("def load_config(path, max_bytes=4096):")).toEqual({ path: "a.py", startLine: 6, endLine: 13 });
  expect(await at("    def start_all(self):")).toEqual({ path: "a.py", startLine: 18, endLine: 20 });
  expect(await at("RETRY_LIMIT = 12")).toMatchObject({ startLine: 3, endLine: 17 });
  await expect(at("def load_config(path):")).rejects.toThrow("no line");
  await expect(at("RETRY_LIMIT = 12", "b.py")).rejects.toThrow("no line");
  await expect(at("x = 1")).rejects.toThrow("more than once");
});

test("a block is right where it shares a line with one of the places", () => {
  const question = { golds: [{ path: "a", startLine: 5, endLine: 7 }, { path: "b", startLine: 1, endLine: 1 }] }; // prettier-ignore
  expect(isGold(question, { path: "a", startLine: 7, endLine: 9 })).toBe(true);
  expect(isGold(question, { path: "a", startLine: 8, endLine: 9 })).toBe(false);
  expect(isGold(question, { path: "b", startLine: 5, endLine: 7 })).toBe(false);
});
