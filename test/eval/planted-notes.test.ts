import { expect, test } from "vitest";
import { codeWords, questionWords, wordStem } from "../../engine/retrieval/words.ts";
import { plantNotes, readNotes } from "./planted-notes.ts";

const SMALL = new Set(
  "for of to the a an in on at our we by with is are be after up every each much many often long how when where before only may must can so new".split(
    " ",
  ),
);

test("no note shares a word, in any form, with its question, and no two are alike", () => {
  const notes = readNotes();
  for (const { note, question } of notes) {
    const inNote = new Set(codeWords(note).map(wordStem));
    const shared = questionWords(question).filter((word) => !SMALL.has(word) && inNote.has(wordStem(word)));
    expect([question, shared]).toEqual([question, []]);
  }
  expect(new Set(notes.map(({ note }) => note)).size).toBe(notes.length);
  expect(new Set(notes.map(({ question }) => question)).size).toBe(notes.length);
  for (const half of ["tune", "report"]) expect(notes.filter((note) => note.half === half)).toHaveLength(48);
});

function source(name: string): string {
  return `import os\n\ndef ${name}_first():\n    return 1\n\ndef ${name}_second():\n    return 2\n`;
}

test("each note stands on its gold line, the same every time, and other places move with the text", async () => {
  const files = new Map(Array.from({ length: 30 }, (_, i) => [`f${i}.py`, source(`n${i}`)]));
  const questions = [...files.keys()].map((path) => ({ golds: [{ path, startLine: 6, endLine: 7 }] }));
  const planted = await plantNotes("typescript", "report", files, questions);
  expect(planted.planted).toHaveLength(16);
  expect(new Set(planted.planted.flatMap(({ golds }) => golds.map(({ path }) => path))).size).toBe(16);
  for (const { golds, answers } of planted.planted) {
    const [gold] = golds;
    const line = planted.files.get(gold?.path ?? "")?.split("\n")[(gold?.startLine ?? 0) - 1];
    expect(line).toMatch(/^# /);
    expect(line).toContain(answers[0]);
  }
  for (const { golds } of planted.questions) {
    for (const { path, startLine } of golds) {
      expect(planted.files.get(path)?.split("\n")[startLine - 1]).toMatch(/^def n\d+_second/);
    }
  }
  expect(await plantNotes("typescript", "report", files, questions)).toEqual(planted);
  expect((await plantNotes("cpp", "report", files, questions)).planted[0]?.question).not.toBe(
    planted.planted[0]?.question,
  );
});
