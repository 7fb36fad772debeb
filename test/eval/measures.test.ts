import { expect, test } from "vitest";
import { abstainCases, codeNames, saysNotFound } from "./abstain-cases.ts";
import { copied } from "./copies.ts";
import { holdsAll, names, passagesAround } from "./eval-case.ts";
import { splitFile, surprisal } from "./perplexity.ts";
import { asPassages } from "./verbatim.ts";

const CODE = "    def area(self):\n        if self.flat:\n            return 0\n\n        return self.a * self.b";

test("an answer names a value when it stands by itself", () => {
  const asked = { answers: ["123", "a.b"] };
  expect(names("It is 123.", asked)).toBe(true);
  expect(names("It is A.B!", asked)).toBe(true);
  for (const text of ["1234", "0.123", "123.5", "axb", "x123"]) expect(names(text, asked)).toBe(false);
});

test("places are held when each lies in a range of its file", () => {
  const ranges = [{ path: "a", startLine: 3, endLine: 5, score: 1, why: "words" as const }];
  expect(holdsAll(ranges, [{ path: "a", line: 3 }, { path: "a", line: 5 }])).toBe(true); // prettier-ignore
  expect(holdsAll(ranges, [{ path: "a", line: 3 }, { path: "a", line: 6 }])).toBe(false); // prettier-ignore
  expect(holdsAll(ranges, [{ path: "b", line: 4 }])).toBe(false);
});

test("passages hold their places, keep to the budget and do not repeat lines", () => {
  const text = Array.from({ length: 400 }, (_, i) => `line ${i + 1}`).join("\n");
  const files = [
    { path: "a", text, tokens: 800 },
    { path: "b", text, tokens: 800 },
  ];
  const count = (part: string) => part.split(/\s+/).length;
  const apart = passagesAround(files, [{ path: "b", line: 1 }, { path: "a", line: 300 }], 100, count); // prettier-ignore
  expect(apart.map(({ path }) => path)).toEqual(["a", "b"]);
  expect(apart[0]?.text.split("\n")).toContain("line 300");
  expect(apart[1]?.text.split("\n")[0]).toBe("line 1");
  for (const passage of apart) expect(count(passage.text)).toBeLessThanOrEqual(50);
  const near = passagesAround(files, [{ path: "a", line: 20 }, { path: "a", line: 30 }], 100, count); // prettier-ignore
  expect(near).toHaveLength(1);
  expect(new Set(near[0]?.text.split("\n")).size).toBe(near[0]?.text.split("\n").length);
});

test("a copy is exact up to its indentation, or up to white space", () => {
  const fenced = (code: string) => `Here it is:\n\`\`\`python\n${code}\n\`\`\``;
  const dedented = CODE.replace(/^ {4}/gm, "");
  expect(copied(fenced(CODE), CODE)).toEqual({ strictly: true, normalised: true, lines: 1 });
  expect(copied(fenced(dedented), CODE)).toEqual({ strictly: true, normalised: true, lines: 1 });
  expect(copied(dedented.replaceAll("    ", "  "), CODE)).toEqual({ strictly: false, normalised: true, lines: 1 });
  expect(copied(CODE.replace("\n\n", "\n"), CODE)).toEqual({ strictly: false, normalised: true, lines: 1 });
  expect(copied(CODE.replace("self.b", "self.c"), CODE)).toEqual({ strictly: false, normalised: false, lines: 0.75 });
  expect(copied(CODE.replace("            return 0\n", ""), CODE)).toEqual({
    strictly: false,
    normalised: false,
    lines: 0.75,
  });
  expect(copied("", CODE)).toEqual({ strictly: false, normalised: false, lines: 0 });
});

test("chosen blocks become text once a line, in file order, the best block's file last", () => {
  const files = new Map([
    ["a", "a1\na2\na3\na4"],
    ["b", "b1\nb2"],
  ]);
  const blocks = [
    { path: "a", startLine: 3, endLine: 4 },
    { path: "b", startLine: 2, endLine: 2 },
    { path: "a", startLine: 1, endLine: 3 },
  ];
  expect(asPassages(blocks, files)).toEqual([
    { path: "b", text: "b2\n" },
    { path: "a", text: "a1\na2\na3\na4\n" },
  ]);
});

test("names in questions are words made of several", () => {
  expect(codeNames("Where is safe_join in TCPServer, takeUntil and MAX_SIZE defined by HTTP?")).toEqual([
    "safe_join",
    "TCPServer",
    "takeUntil",
    "MAX_SIZE",
  ]);
});

test("unanswerable questions have no name of the corpus, and the sources are as many", () => {
  const asking = (list: string[]) => list.map((name) => ({ question: `Where is ${name} defined?` }));
  const here = Array.from({ length: 30 }, (_, i) => `do_${i}_things`);
  const there = [...Array.from({ length: 20 }, (_, i) => `runOther${i}`), "do_3_things", "plain"];
  const text = here.join(" ");
  const cases = abstainCases(asking(here), asking(there), text, { count: 10, seed: 1 });
  const bySource = Map.groupBy(cases, ({ source }) => source);
  const counts = Object.fromEntries([...bySource].map(([source, own]) => [source, own.length]));
  expect(counts).toEqual({ answerable: 10, invented: 10, "other corpus": 10 });
  for (const { question, source } of cases) {
    const [name = ""] = codeNames(question);
    expect(here.includes(name)).toBe(source === "answerable");
    expect(name).not.toBe("");
  }
});

test("words that say that nothing was found", () => {
  for (const text of [
    "The answer was not found in the files.",
    "The code does not contain a function of that name.",
    "There is no information about it.",
    "I don't know.",
  ])
    expect(saysNotFound(text)).toBe(true);
  for (const text of ["It is defined in flask/app.py.", "It is not 3. The found value is 4."])
    expect(saysNotFound(text)).toBe(false);
});

test("a split file's parts have the wanted tokens, and follow each other", () => {
  const tokenize = (text: string) => Int32Array.from(text.trim().split(/\s+/).filter(Boolean), Number);
  const text = Array.from({ length: 1_000 }, (_, i) => `${i}\n`).join("");
  const [split] = splitFile({ path: "n.py", text, tokens: 1_000 }, tokenize);
  expect(split?.known).toBe(Array.from({ length: 768 }, (_, i) => `${i}\n`).join(""));
  expect(split?.heldOut).toEqual(Int32Array.from({ length: 128 }, (_, i) => 768 + i));
  expect(splitFile({ path: "n.py", text: text.slice(0, 2_000), tokens: 500 }, tokenize)).toEqual([]);
});

test("bits of a token: two of four equal ones, none of a certain one", () => {
  expect(surprisal(new Float32Array([1, 1, 1, 1]), 2)).toBeCloseTo(2, 6);
  expect(surprisal(new Float32Array([-1e9, 0, -1e9]), 1)).toBe(0);
  expect(surprisal(new Float32Array([1000, 1001]), 0)).toBeCloseTo(Math.log2(1 + Math.E), 4);
});
