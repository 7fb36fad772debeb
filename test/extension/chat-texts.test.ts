import { expect, test } from "vitest";
import { answerLinks } from "../../extension/chats/answer-links.ts";
import { codeTarget } from "../../extension/chats/code-target.ts";
import { rankPaths } from "../../extension/chats/rank-paths.ts";
import { slashCommand } from "../../extension/chats/slash-commands.ts";

const FILES: Record<string, string> = {
  "src/server.ts": "import x\n\nexport function startServer() {\n  return 1;\n}\n",
  "src/a/config.ts": "export const PORT = 1;\n",
  "src/b/index.ts": "1\n",
  "src/c/index.ts": "2\n",
};

function links(answer: string, near = ["src/server.ts"]) {
  return answerLinks(answer, near, {
    paths: async () => Object.keys(FILES),
    text: async (path) => (Object.hasOwn(FILES, path) ? FILES[path] : undefined),
    symbol: async (name) => (name === "Server" ? { path: "src/server.ts", startLine: 3, endLine: 3 } : undefined),
  });
}

test("paths and path:line of an answer become links when they are there", async () => {
  expect(await links("See src/server.ts, `src/server.ts:3-5` and ./src/a/config.ts.")).toEqual([
    { text: "src/server.ts", path: "src/server.ts", startLine: 1, endLine: 1 },
    { text: "src/server.ts:3-5", path: "src/server.ts", startLine: 3, endLine: 5 },
    { text: "./src/a/config.ts", path: "src/a/config.ts", startLine: 1, endLine: 1 },
  ]);
});

test("a file's name alone is a link where only one file has it", async () => {
  expect(await links("In config.ts, not in index.ts.")).toEqual([
    { text: "config.ts", path: "src/a/config.ts", startLine: 1, endLine: 1 },
  ]);
});

test("what is not there is no link: other files, lines behind the end, addresses, paths out of the folder", async () => {
  const answer =
    "src/gone.ts src/server.ts:900 src/server.ts:5-2 https://example.com/src/server.ts ../src/server.ts /src/server.ts e.g. 1.5";
  expect(await links(answer)).toEqual([]);
});

test("a symbol in inline code is a link to where it is defined: in the sources, else by a language server", async () => {
  expect(await links("`startServer()` makes a `Server`, not a `Client`; startServer is no code here.")).toEqual([
    { text: "startServer()", path: "src/server.ts", startLine: 3, endLine: 3 },
    { text: "Server", path: "src/server.ts", startLine: 3, endLine: 3 },
  ]);
});

test("code in blocks has no links", async () => {
  expect(await links("```ts\nsrc/server.ts `startServer`\n```\n\n~~~\nsrc/server.ts\n~~~")).toEqual([]);
});

test("an answer made to be slow to look through is looked through quickly", async () => {
  const answer = `${"a/".repeat(20_000)} ${"a.".repeat(20_000)} ${"`".repeat(20_000)} ${"(".repeat(20_000)}`;
  expect(await links(answer)).toEqual([]);
}, 20_000);

test("commands become questions; without a subject they mean this code", () => {
  expect(slashCommand("/where startServer")).toEqual({
    asked: "Where is startServer defined, and where is it used?",
    about: "startServer",
  });
  expect(slashCommand("/tests")?.asked).toContain("tests for this code");
  for (const name of ["explain", "impact", "doc"]) expect(slashCommand(`/${name} a b`)?.asked).toContain("a b");
  expect(slashCommand("/other x")).toBeUndefined();
  expect(slashCommand("where /where")).toBeUndefined();
  expect(slashCommand("/constructor x")).toBeUndefined();
});

test("files and folders are found by letters of their names, then of their paths, in this order", () => {
  const found = rankPaths(Object.keys(FILES), "index").map(({ path }) => path);
  expect(found).toEqual(["src/b/index.ts", "src/c/index.ts"]);
  expect(rankPaths(Object.keys(FILES), "a")[0]).toEqual({ kind: "folder", path: "src/a" });
  expect(rankPaths(Object.keys(FILES), "sracon").map(({ path }) => path)).toEqual(["src/a/config.ts"]);
  expect(rankPaths(Object.keys(FILES), "zz")).toEqual([]);
});

test("code takes the place of what has its name, up to its end", () => {
  const server = FILES["src/server.ts"] ?? "";
  expect(codeTarget(server, "export function startServer() {\n  return 2;\n}")).toEqual({ first: 2, last: 4 });
  expect(codeTarget("def a():\n    x\n\n    y\n\ndef b():\n    z\n", "def a():\n    pass\n")).toEqual({
    first: 0,
    last: 3,
  });
  expect(codeTarget(server, "function other() {}")).toBeUndefined();
  expect(codeTarget("function a() {}\nfunction a() {}\n", "function a() {}")).toBeUndefined();
});
