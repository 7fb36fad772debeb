/** JSON objects of random keys and values, as "Lost in the Middle" (Liu et al., 2023) asks and InfiniteBench asks at length. */
import type { SourceFile, CountTokens } from "../support/large-folder.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import type { EvalCase } from "./eval-case.ts";
import { shuffled } from "./haystack.ts";

const PAIRS_A_FILE = 40;

/** As many pairs as have about `tokens` tokens, in files of 40, one pair a line; a question for each, in random order. */
export function keyValueCases(
  tokens: number,
  seed: number,
  count: CountTokens,
): { files: SourceFile[]; cases: EvalCase[] } {
  const random = seededRandom(seed);
  const files: SourceFile[] = [];
  const cases: EvalCase[] = [];
  for (let sum = 0; sum < tokens; sum += files.at(-1)?.tokens ?? tokens) {
    const path = `data/pairs-${String(files.length + 1).padStart(3, "0")}.json`;
    const pairs = Array.from({ length: PAIRS_A_FILE }, () => [uuid(random), uuid(random)] as const);
    const text = `${JSON.stringify(Object.fromEntries(pairs), undefined, 2)}\n`;
    files.push({ path, text, tokens: count(text) });
    cases.push(
      ...pairs.map(([key, value], i) => ({
        question: `What is the value of the key "${key}"?`,
        gold: [{ path, line: i + 2 }],
        answers: [value],
      })),
    );
  }
  return { files, cases: shuffled(random, cases) };
}

/** 32 hexadecimal digits in a UUID's groups; the first is a letter, so that no key of an object is an array's index. */
function uuid(random: () => number): string {
  const digits = Array.from({ length: 31 }, () => randomInteger(random, 16).toString(16)).join("");
  const all = (10 + randomInteger(random, 6)).toString(16) + digits;
  return [all.slice(0, 8), all.slice(8, 12), all.slice(12, 16), all.slice(16, 20), all.slice(20)].join("-");
}
