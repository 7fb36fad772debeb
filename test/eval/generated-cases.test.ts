import { expect, test } from "vitest";
import type { SourceFile } from "../support/large-folder.ts";
import type { Place } from "./haystack.ts";
import { keyValueCases } from "./key-value-pairs.ts";
import { multiKeyCases, orderCases, PASSKEY_QUESTION, passkeyCases, saysFirst } from "./passkey-cases.ts";
import { twoHopCases } from "./two-hop-cases.ts";

/** Files with a few statements each; a token is a word. */
function haystack(count: number, statements: number): SourceFile[] {
  return Array.from({ length: count }, (_, f) => {
    const text = Array.from({ length: statements }, (_unused, s) => `def f${f}_${s}(x):\n    return x + ${s}\n`).join(
      "\n",
    );
    return { path: `pkg/m${String(f).padStart(3, "0")}.py`, text, tokens: 8 * statements };
  });
}

const FILES = haystack(40, 100);
const textOf = (files: readonly SourceFile[], path: string) => files.find((file) => file.path === path)?.text ?? "";
const lineAt = (files: readonly SourceFile[], { path, line }: Place) => textOf(files, path).split("\n")[line - 1] ?? "";
const timesIn = (files: readonly SourceFile[], word: string) =>
  files.reduce((sum, { text }) => sum + text.split(word).length - 1, 0);

test("55 pass keys: different numbers, depths from the first line to the last, only one file changed", () => {
  const cases = passkeyCases(FILES, { seed: 1, depths: 11, keys: 5 });
  expect(cases).toHaveLength(55);
  expect(new Set(cases.map(({ key }) => key)).size).toBe(55);
  expect([...new Set(cases.map(({ depth }) => depth))]).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  for (const { key, path, line, text, depth } of cases) {
    expect(text.split("\n")[line - 1]).toBe(`# The pass key is ${key}. Remember it. ${key} is the pass key.`);
    expect(timesIn(FILES, key)).toBe(0);
    const index = FILES.findIndex((file) => file.path === path);
    expect(Math.abs((index + line / text.split("\n").length) / FILES.length - depth)).toBeLessThan(0.01);
  }
  expect(cases).toEqual(passkeyCases(FILES, { seed: 1, depths: 11, keys: 5 }));
  expect(PASSKEY_QUESTION).not.toMatch(/\d/);
});

test("a hundred access codes: each question has one line, and every code stands once", () => {
  const { files, cases } = multiKeyCases(FILES, 2);
  expect(new Set(cases.map(({ question }) => question)).size).toBe(100);
  expect(new Set(cases.flatMap(({ gold }) => gold.map(({ path }) => path))).size).toBe(FILES.length);
  for (const { question, gold, answers } of cases) {
    const [code = "", ...more] = answers;
    expect(more).toEqual([]);
    expect(gold.map((place) => lineAt(files, place))).toEqual([
      `# The ${question.slice("What is the ".length, -1)} is ${code}.`,
    ]);
    expect(timesIn(files, code)).toBe(1);
  }
});

test("keys and values: a pair a line, the value of every key on its line and nowhere else", () => {
  const { files, cases } = keyValueCases(5_000, 3, (text) => text.split("-").length);
  const sum = files.reduce((total, { tokens }) => total + tokens, 0);
  expect(sum).toBeGreaterThanOrEqual(5_000);
  expect(sum - (files.at(-1)?.tokens ?? 0)).toBeLessThan(5_000);
  expect(cases).toHaveLength(40 * files.length);
  for (const { question, gold, answers } of cases.slice(0, 100)) {
    const key = /"([^"]+)"/.exec(question)?.[1] ?? "";
    const [place] = gold;
    const parsed: unknown = JSON.parse(textOf(files, place?.path ?? ""));
    expect(parsed).toMatchObject({ [key]: answers[0] });
    expect(gold.map((each) => lineAt(files, each).replace(",", ""))).toEqual([`  "${key}": "${answers[0]}"`]);
    expect([timesIn(files, key), timesIn(files, answers[0] ?? "")]).toEqual([1, 1]);
  }
});

test("order: the first key stands before the second, and half the questions name the other one first", () => {
  const { files, cases } = orderCases(FILES, 4);
  expect(cases.map(({ kind }) => kind).filter((kind) => kind === "one file")).toHaveLength(15);
  expect(cases).toHaveLength(30);
  const named = cases.map(({ question, first, second }) => question.indexOf(first) < question.indexOf(second));
  expect(named.filter(Boolean)).toHaveLength(16);
  for (const { kind, first, second, gold } of cases) {
    const [a, b] = gold;
    expect(gold.map((place) => lineAt(files, place))).toEqual([
      expect.stringMatching(new RegExp(`^# The pass key ${first} is \\d{5}\\.$`)),
      expect.stringMatching(new RegExp(`^# The pass key ${second} is \\d{5}\\.$`)),
    ]);
    if (kind === "one file") expect([a?.path, (a?.line ?? 0) < (b?.line ?? 0)]).toEqual([b?.path, true]);
    else expect((a?.path ?? "") < (b?.path ?? "")).toBe(true);
  }
});

test("an answer about order is right when it names the earlier key, and names it first", () => {
  const asked = { kind: "one file", question: "", first: "red", second: "blue", gold: [] } as const;
  const order = { ...asked, gold: [] };
  expect(saysFirst("Red comes before blue.", order)).toBe(true);
  expect(saysFirst("The pass key red.", order)).toBe(true);
  expect(saysFirst("Blue comes before red.", order)).toBe(false);
  expect(saysFirst("It is credited to nobody.", order)).toBe(false);
});

test("two hops: the first place leads to the second, whose value stands there alone", () => {
  const { files, cases } = twoHopCases(FILES, 5);
  expect(cases.map(({ kind }) => kind).filter((kind) => kind === "call")).toHaveLength(20);
  expect(cases).toHaveLength(40);
  for (const { kind, question, gold, answers } of cases) {
    const [value = ""] = answers;
    const [from = "", to = ""] = gold.map((place) => {
      const at = place.line - 1;
      return textOf(files, place.path)
        .split("\n")
        .slice(at, kind === "call" ? at + 2 : at + 1)
        .join(" ");
    });
    const link = (kind === "call" ? /return (\w+)\(\)/ : /= (\w+)/).exec(from)?.[1] ?? "";
    const asked = /\w+_\w+/.exec(question)?.[0] ?? "";
    expect(from).toContain(asked);
    expect(to).toMatch(new RegExp(kind === "call" ? `def ${link}\\(\\): +return ${value}` : `^${link} = ${value}$`));
    expect([timesIn(files, asked), timesIn(files, link), timesIn(files, value)]).toEqual([1, 2, 1]);
    const shared = asked.split("_").filter((word) => link.split("_").includes(word));
    expect(shared).toEqual([]);
  }
});
