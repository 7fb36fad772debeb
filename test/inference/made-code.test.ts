import { expect, test } from "vitest";
import { MADE_FILES, makeCode, type MadeQuestion } from "../../engine/inference/made-code.ts";

const SEEDS = [1, 2, 77];

/** What a question asks for, as a pattern that only the text of the right block has. */
function definitionOf({ text }: MadeQuestion): RegExp {
  const name = /(?:of|is|does|in|field) (\w+)(?: defined| declared| return)?\?$/.exec(text)?.[1] ?? "";
  const purpose = /^Which function (\w+ the .*)\?$/.exec(text)?.[1];
  if (purpose !== undefined) return new RegExp(`${purpose.replace("the", "what the")} holds`, "i");
  if (text.startsWith("What is the value")) return new RegExp(`\\b${name}(: u32)? = \\d+`);
  if (text.startsWith("Which type")) return new RegExp(`\\b${name}\\b`);
  if (text.endsWith("declared?")) return new RegExp(`(class|interface|type|struct) ${name}\\b`);
  return new RegExp(`(def|function|func|fn) ${name}\\(`);
}

test("one seed makes one code base, another seed another one with other names", () => {
  expect(makeCode(5)).toEqual(makeCode(5));
  const names = (seed: number) => new Set(makeCode(seed).questions.map(({ text }) => text));
  expect([...names(5)].filter((text) => names(6).has(text))).toEqual([]);
});

test.each(SEEDS)("seed %i: what a question asks for is defined in its block and in no other", (seed) => {
  const { files, questions } = makeCode(seed);
  const blocks = files.flatMap((file) => file.blocks);
  expect(files).toHaveLength(MADE_FILES);
  expect(questions.map(({ block }) => block)).toEqual(blocks.flatMap((_, index) => [index, index]));
  expect(new Set(questions.map(({ text }) => text)).size).toBe(questions.length);
  for (const question of questions) {
    const definition = definitionOf(question);
    const found = blocks.flatMap((text, index) => (definition.test(text) ? [index] : []));
    expect(found, `${question.text} (${definition.source})`).toEqual([question.block]);
  }
});

test.each(SEEDS)("seed %i: the default that is asked for stands in the block", (seed) => {
  const { files, questions } = makeCode(seed);
  const blocks = files.flatMap((file) => file.blocks);
  const asked = questions.filter(({ text }) => text.includes("default"));
  expect(asked.length).toBeGreaterThan(0);
  for (const { text, block } of asked) {
    const option = /default of (\w+) in/.exec(text)?.[1] ?? "";
    expect(blocks[block]).toMatch(new RegExp(`, ${option} ?= ?\\d+\\)`));
  }
});

test("names are used in blocks that do not define them, so that a name alone does not give the answer away", () => {
  const { files, questions } = makeCode(1);
  const blocks = files.flatMap((file) => file.blocks);
  const elsewhere = questions.filter(({ text, block }) => {
    const name = /(\w+)(?: defined| return)?\?$/.exec(text)?.[1] ?? "";
    return blocks.some((other, index) => index !== block && other.includes(name));
  });
  expect(elsewhere.length).toBeGreaterThan(questions.length / 4);
});
