/** Chooses, of the segments that pairs were found in, those that are worth their tokens. */
import { createHash } from "node:crypto";

import type { Cutter, MinedSegment, MineOptions, PairSet } from "./pair-set.ts";

/** Share of the tokens that go to projects that nothing is learnt from. */
const HELD_OUT_TOKENS = 0.22;
/** One project in so many is held out where the caller names none; with fewer projects, one file in so many. */
const HELD_OUT_EVERY = 5;

/** The pairs of the segments that hold the most questions a token, as many as fit; every project has its turn. */
export function chooseSegments(mined: readonly MinedSegment[], cutter: Cutter, options: MineOptions): PairSet {
  const isHeldOut = heldOutRule(mined, options);
  const [learnt, held] = [false, true].map((heldOut) => mined.filter((each) => isHeldOut(each) === heldOut));
  const heldTokens = Math.floor(options.maxTokens * HELD_OUT_TOKENS);
  const set: PairSet = { segments: [], pairs: [], blocks: 0, tokens: 0 };
  const cost = (each: MinedSegment): number => tokensOf(each, cutter);
  for (const each of withinBudget(held ?? [], heldTokens, cost)) add(set, each, true, cost(each));
  const rest = options.maxTokens - heldTokens;
  for (const each of withinBudget((learnt ?? []).map(withoutTail), rest, cost)) add(set, each, false, cost(each));
  return set;
}

function heldOutRule(mined: readonly MinedSegment[], { heldOut, seed }: MineOptions): (each: MinedSegment) => boolean {
  if (heldOut !== undefined) return ({ file }) => heldOut.includes(file.project);
  const projects = [...new Set(mined.map(({ file }) => file.project))];
  const rank = (text: string): string => createHash("sha256").update(`${seed} ${text}`).digest("hex");
  if (projects.length < HELD_OUT_EVERY) {
    return ({ file }) => parseInt(rank(`${file.project}/${file.path}`).slice(0, 8), 16) % HELD_OUT_EVERY === 0;
  }
  const chosen = projects.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const held = new Set(chosen.slice(0, Math.floor(projects.length / HELD_OUT_EVERY)));
  return ({ file }) => held.has(file.project);
}

/** What follows the last block with an answer is not encoded: nothing before it depends on it. */
function withoutTail(mined: MinedSegment): MinedSegment {
  const last = Math.max(...mined.questions.flatMap(({ blocks }) => blocks));
  return { ...mined, segment: { blocks: mined.segment.blocks.slice(0, last + 1) } };
}

function tokensOf({ headerTokens, segment, questions }: MinedSegment, cutter: Cutter): number {
  const blocks = segment.blocks.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return headerTokens + blocks + questions.reduce((sum, { question }) => sum + cutter.tokenize(question).length, 0);
}

/** Takes from every project in turn its next best segment, until the budget is spent. */
function withinBudget(
  mined: readonly MinedSegment[],
  budget: number,
  cost: (each: MinedSegment) => number,
): MinedSegment[] {
  const queues = [...Map.groupBy(mined, ({ file }) => file.project).values()].map((segments) =>
    segments
      .map((segment) => ({ segment, cost: cost(segment) }))
      .toSorted((a, b) => b.segment.questions.length / b.cost - a.segment.questions.length / a.cost),
  );
  const chosen: MinedSegment[] = [];
  let spent = 0;
  for (let turn = 0; queues.some((queue) => turn < queue.length); turn++) {
    for (const queue of queues) {
      const next = queue[turn];
      if (next === undefined || spent + next.cost > budget) continue;
      chosen.push(next.segment);
      spent += next.cost;
    }
  }
  return chosen;
}

function add(set: PairSet, { file, segment, questions }: MinedSegment, heldOut: boolean, tokens: number): void {
  const { project, path } = file;
  const firstBlock = set.blocks;
  set.segments.push({ project, path, heldOut, segment, firstBlock });
  for (const { blocks, ...question } of questions) {
    set.pairs.push({ ...question, project, heldOut, positives: blocks.map((block) => firstBlock + block) });
  }
  set.blocks += segment.blocks.length;
  set.tokens += tokens;
}
