/** Lines planted in real sources at chosen depths: needles whose place and answer are known. Pure functions of their seed. */
import * as v from "valibot";
import { randomInteger } from "../support/random.ts";
import type { SourceFile } from "../support/large-folder.ts";

/** Where a line stands; `line` is 1-based. */
export interface Place {
  path: string;
  line: number;
}

/** Text of one or more lines, and where in the haystack it is wanted. */
export interface Needle {
  /** Share of the haystack's tokens that stand before it, 0 to 1. */
  depth: number;
  text: string;
}

/** A haystack with its needles in place, in the order of the needles given. */
export interface PlantedHaystack {
  files: SourceFile[];
  /** Of each needle's first line. */
  places: Place[];
}

/** For trying an evaluation on a smaller haystack than it reports on. */
const SIZE_VARIABLE = "REPO_MEMORY_EVAL_TOKENS";
const Size = v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(1_000), v.maxValue(1_200_000));

/** Tokens of haystack: `standard`, or what REPO_MEMORY_EVAL_TOKENS says. */
export function haystackTokens<T>(standard: T): number | T {
  const named = process.env[SIZE_VARIABLE];
  return named === undefined ? standard : v.parse(Size, named);
}

/**
 * Puts needles between top-level statements. A file's needles keep their order and are counted, so that `places` are of the
 * result.
 */
export function plant(files: readonly SourceFile[], needles: readonly Needle[]): PlantedHaystack {
  const wanted = needles.map((needle, i) => ({ ...needle, ...target(files, needle.depth), order: i }));
  const places: Place[] = [];
  const planted = files.map((file, index) => {
    const own = wanted.filter((needle) => needle.file === index);
    if (own.length === 0) return file;
    const result = plantInFile(file, own);
    for (const { order, line } of result.lines) places[order] = { path: file.path, line };
    return { ...file, text: result.text };
  });
  return { files: planted, places };
}

/** Which file a depth falls into, and how much of that file stands before it. */
function target(files: readonly SourceFile[], depth: number): { file: number; share: number } {
  let left = depth * files.reduce((sum, file) => sum + file.tokens, 0);
  for (const [file, { tokens }] of files.entries()) {
    if (left <= tokens) return { file, share: left / tokens };
    left -= tokens;
  }
  return { file: files.length - 1, share: 1 };
}

function plantInFile(
  { text }: SourceFile,
  needles: readonly { text: string; share: number; order: number }[],
): { text: string; lines: { order: number; line: number }[] } {
  const source = text.replace(/\n+$/, "").split("\n");
  const free = topLevelPlaces(source);
  const before = needles
    .map((needle) => ({ ...needle, at: nearest(free, needle.share * source.length) }))
    .toSorted((a, b) => a.at - b.at || a.share - b.share || a.order - b.order);
  const result: string[] = [];
  const lines: { order: number; line: number }[] = [];
  let from = 0;
  for (const needle of before) {
    result.push(...source.slice(from, needle.at));
    from = needle.at;
    if (result.length > 0 && result.at(-1) !== "") result.push("");
    lines.push({ order: needle.order, line: result.length + 1 });
    result.push(...needle.text.split("\n"), "");
  }
  result.push(...source.slice(from));
  return { text: `${result.join("\n").trimEnd()}\n`, lines };
}

/** Indices of lines that begin a statement after an empty line, and both ends of the file. */
function topLevelPlaces(lines: readonly string[]): number[] {
  const inside = [...lines.keys()].filter((i) => i > 0 && lines[i - 1] === "" && /^[a-z@#]/i.test(lines[i] ?? ""));
  return [0, ...inside, lines.length];
}

function nearest(places: readonly number[], wanted: number): number {
  return places.reduce((best, place) => (Math.abs(place - wanted) < Math.abs(best - wanted) ? place : best));
}

/** Depths of `count` needles, spread evenly, in random order. */
export function spreadDepths(random: () => number, count: number): number[] {
  return shuffled(
    random,
    Array.from({ length: count }, (_, i) => (i + 0.5) / count),
  );
}

/** `count` different five-digit numbers that stand nowhere in the files. @throws RangeError where that is too many */
export function freshNumbers(random: () => number, count: number, files: readonly SourceFile[]): string[] {
  if (count > 20_000) throw new RangeError("There are not so many five-digit numbers to draw from");
  const taken = new Set(files.flatMap(({ text }) => text.match(/\d{5,}/g) ?? []).flatMap(fiveDigitParts));
  const numbers: string[] = [];
  while (numbers.length < count) {
    const number = String(10_000 + randomInteger(random, 90_000));
    if (!taken.has(number)) numbers.push(number);
    taken.add(number);
  }
  return numbers;
}

function fiveDigitParts(digits: string): string[] {
  return Array.from({ length: digits.length - 4 }, (_, i) => digits.slice(i, i + 5));
}

/** The same things in another order (Fisher and Yates). */
export function shuffled<T>(random: () => number, things: readonly T[]): T[] {
  const rest = [...things];
  return things.flatMap(() => rest.splice(randomInteger(random, rest.length), 1));
}
