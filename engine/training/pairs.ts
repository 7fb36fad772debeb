/**
 * Pairs to train look-up projections on: a question, and the blocks that answer it. Questions are made of the comments that
 * describe definitions; those comments are taken out of their files, which are then cut as ingestion cuts them.
 */
import { createHash } from "node:crypto";

import { createRandom } from "../inference/random.ts";
import type { DefinitionFinder } from "../ingest/definition-finder.ts";
import { languageOf } from "../ingest/definition-queries.ts";
import { segmentText } from "../ingest/segmenter.ts";
import type { Cutter, MinedSegment, MineOptions, PairSet } from "./pair-set.ts";
import { questionsOf } from "./segment-questions.ts";
import { chooseSegments } from "./segment-choice.ts";
import type { SourceFile } from "./sources.ts";
import { uncomment } from "./uncommented-file.ts";

/** Limits that keep one file or project from being all that is learnt. */
const PAIRS_PER_FILE = 16;
const PAIRS_PER_PROJECT = 900;

/**
 * Mines pairs from `files`, project by project; the same files and seed give the same pairs.
 * @throws the signal's reason when it is aborted
 */
export async function minePairs(
  files: AsyncIterable<SourceFile> | Iterable<SourceFile>,
  cutter: Cutter,
  definitions: DefinitionFinder,
  options: MineOptions,
): Promise<PairSet> {
  const seen = new Set<string>();
  const counts = new Map<string, number>();
  const mined: MinedSegment[] = [];
  for await (const file of files) {
    options.signal?.throwIfAborted();
    const count = counts.get(file.project) ?? 0;
    if (count >= PAIRS_PER_PROJECT) continue;
    const segments = await mineFile(file, cutter, definitions, seen, options.seed);
    const pairs = segments.reduce((sum, { questions }) => sum + questions.length, 0);
    counts.set(file.project, count + pairs);
    for (const segment of segments) mined.push(segment);
    if (pairs > 0) options.onFile?.(file, pairs);
  }
  return chooseSegments(mined, cutter, options);
}

async function mineFile(
  file: SourceFile,
  cutter: Cutter,
  finder: DefinitionFinder,
  seen: Set<string>,
  seed: number,
): Promise<MinedSegment[]> {
  const language = languageOf(file.path);
  if (language === undefined) return [];
  const header = cutter.header(file.path);
  const random = createRandom(seedOf(seed, file));
  const found = await finder.find(file.path, file.text);
  const plain = uncomment(file.text, found, language.grammar, {
    limit: PAIRS_PER_FILE,
    random,
    isNew: (sentence) => isFirst(seen, sentence.toLowerCase()),
  });
  if (plain.described.length === 0) return [];
  const segments = segmentText(plain.text, cutter.maxSegmentTokens - header.length, (text) => cutter.tokenize(text));
  return segments
    .map((segment) => ({ file, headerTokens: header.length, segment, questions: questionsOf(segment, plain, random) }))
    .filter(({ questions }) => questions.some(({ kind }) => kind === "description"));
}

function isFirst(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

function seedOf(seed: number, { project, path }: SourceFile): number {
  return createHash("sha256").update(`${seed} ${project} ${path}`).digest().readUInt32LE();
}
